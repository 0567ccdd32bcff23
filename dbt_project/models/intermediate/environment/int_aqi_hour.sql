-- VN_AQI of the hour (QĐ 1459/QĐ-TCMT): dust by NowCast, gases by their mean of the hour; the largest sub-index.
-- Without dust there is no index, and a reason. Of the last 31 days: older hours are told by their days.
{%- set pollutants = ["pm25", "pm10", "o3", "no2", "so2", "co"] %}
with concentrations as (
  select station_code, pollutant, hour, '24h' as averaging, nowcast as concentration
  from {{ ref("int_nowcast_hour") }}
  where nowcast is not null
  union all
  select station_code, pollutant, hour, '1h', concentration
  from {{ ref("int_air_hour") }}
  where pollutant in ('o3', 'no2', 'so2', 'co')
    and hour > (select max(newest.hour) - interval '31' day from {{ ref("int_air_station_hour") }} as newest)
),

{{ aqi_indices("hour", pollutants) }}

select
  grid.station_code,
  grid.hour,
  {%- for pollutant in pollutants %}
  indices.aqi_{{ pollutant }},
  {%- endfor %}
  case when coalesce(indices.aqi_pm25, indices.aqi_pm10) is not null then indices.worst end as aqi,
  case
    when coalesce(indices.aqi_pm25, indices.aqi_pm10) is null then null
    {%- for pollutant in pollutants %}
    when indices.worst = indices.aqi_{{ pollutant }} then '{{ pollutant }}'
    {%- endfor %}
  end as main_pollutant,
  case
    when indices.station_code is null then 'Trạm không có số đo'
    when coalesce(indices.aqi_pm25, indices.aqi_pm10) is null
      then 'Thiếu số đo bụi PM2.5 và PM10: cần ít nhất 2 trong 3 giờ gần nhất'
  end as missing_reason
from {{ ref("int_air_station_hour") }} as grid
left join indices
  on grid.station_code = indices.station_code
    and grid.hour = indices.hour
where grid.hour > (select max(newest.hour) - interval '31' day from {{ ref("int_air_station_hour") }} as newest)
