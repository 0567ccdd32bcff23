-- VN_AQI of the day (QĐ 1459/QĐ-TCMT): the largest sub-index; of O3 the worse of 1 and 8 hours, 8 hours dropped above the table.
-- Without dust there is no index, and a reason.
{%- set pollutants = ["pm25", "pm10", "o3", "no2", "so2", "co"] %}
{%- set figures = [
  ("pm25", "24h", "pm25_mean"), ("pm10", "24h", "pm10_mean"), ("o3", "1h", "o3_max_1h"), ("o3", "8h", "o3_max_8h"),
  ("no2", "1h", "no2_max_1h"), ("so2", "1h", "so2_max_1h"), ("co", "1h", "co_max_1h")
] %}
with concentrations as (
  {%- for pollutant, averaging, figure in figures %}
  {%- if not loop.first %}
  union all
  {%- endif %}
  select station_code, day, '{{ pollutant }}' as pollutant, '{{ averaging }}' as averaging, {{ figure }} as concentration
  from {{ ref("int_air_day") }}
  where {{ figure }} is not null
  {%- endfor %}
),

{{ aqi_indices("day", pollutants) }}

select
  days.station_code,
  days.day,
  days.hours,
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
    when days.hours = 0 then 'Trạm không có số đo'
    when coalesce(indices.aqi_pm25, indices.aqi_pm10) is null
      then 'Không đủ số giờ có số đo bụi PM2.5 hoặc PM10 trong ngày'
  end as missing_reason
from {{ ref("int_air_day") }} as days
left join indices on days.station_code = indices.station_code and days.day = indices.day
