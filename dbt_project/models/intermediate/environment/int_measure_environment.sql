-- Environment's numbers by commune and month. Only of communes with a station, and of months with readings: what was not measured
-- is missing, never zero.
with stations as (
  select stations.station_code, stations.commune_code as unit_code
  from {{ ref("int_station") }} as stations
  inner join {{ ref("dim_unit") }} as units
    on stations.commune_code = units.unit_code
      and units.level = 'commune'
      and units.province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
),

found as (
  select station_code, cast(date_trunc('month', day) as date) as month, 'air_days' as measure, count(aqi) as value
  from {{ ref("int_aqi_day") }}
  where aqi is not null
  group by station_code, cast(date_trunc('month', day) as date)
  union all
  select station_code, cast(date_trunc('month', day) as date), 'air_bad_days', sum(case when aqi > 100 then 1 else 0 end)
  from {{ ref("int_aqi_day") }}
  where aqi is not null
  group by station_code, cast(date_trunc('month', day) as date)
  union all
  select station_code, cast(date_trunc('month', hour) as date), 'pm25_hours', count(*)
  from {{ ref("int_air_hour") }}
  where pollutant = 'pm25'
  group by station_code, cast(date_trunc('month', hour) as date)
  union all
  select station_code, cast(date_trunc('month', hour) as date), 'pm25_sum', sum(concentration)
  from {{ ref("int_air_hour") }}
  where pollutant = 'pm25'
  group by station_code, cast(date_trunc('month', hour) as date)
  union all
  select station_code, cast(date_trunc('month', hour) as date), 'rain_mm', sum(value)
  from {{ ref("int_observation_hour") }}
  where property = 'rainfall'
  group by station_code, cast(date_trunc('month', hour) as date)
  union all
  select station_code, cast(date_trunc('month', hour) as date), 'water_alarm_hours', sum(case when alarm_level >= 1 then 1 else 0 end)
  from {{ ref("int_water_hour") }}
  where alarm_level is not null
  group by station_code, cast(date_trunc('month', hour) as date)
),

measured as (
  select
    stations.unit_code,
    found.month,
    found.measure,
    case when found.measure = 'rain_mm' then avg(found.value) else sum(found.value) end as value
  from found
  inner join stations on found.station_code = stations.station_code
  group by stations.unit_code, found.month, found.measure
)

select unit_code, month, measure, '' as item, cast(value as double) as value
from measured
union all
select unit_code, month, 'rain_communes', '', 1.0  -- rain is no sum over communes: the province's mean is rain_mm / rain_communes
from measured
where measure = 'rain_mm'
