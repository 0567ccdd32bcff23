-- Hourly concentrations of the pollutants that VN_AQI knows.
{{ config(materialized="view") }}
select
  observations.station_code,
  stations.commune_code,
  observations.property as pollutant,
  observations.hour,
  observations.value as concentration
from {{ ref("int_observation_hour") }} as observations
inner join {{ ref("int_station") }} as stations on observations.station_code = stations.station_code
where observations.property in (select breakpoints.pollutant from {{ ref("aqi_breakpoints") }} as breakpoints)
