-- Rain and water of the last 24 months, day by day. An alarm level is told only where the station's thresholds are known.
with rain as (
  select station_code, cast(hour as date) as day, sum(value) as rain_mm, count(*) as rain_hours
  from {{ ref("int_observation_hour") }}
  where property = 'rainfall'
  group by station_code, cast(hour as date)
),

water as (
  select
    station_code,
    cast(hour as date) as day,
    max(water_level_cm) as water_level_max_cm,
    max(alarm_level) as alarm_level
  from {{ ref("int_water_hour") }}
  group by station_code, cast(hour as date)
),

days as (
  select
    coalesce(rain.station_code, water.station_code) as station_code,
    coalesce(rain.day, water.day) as day,
    rain.rain_mm,
    coalesce(rain.rain_hours, 0) as rain_hours,
    water.water_level_max_cm,
    water.alarm_level
  from rain
  full outer join water on rain.station_code = water.station_code and rain.day = water.day
)

select
  days.station_code,
  stations.station_name,
  stations.commune_code as unit_code,
  units.name as unit_name,
  days.day,
  days.rain_mm,
  cast(days.rain_hours as integer) as rain_hours,
  days.water_level_max_cm,
  days.alarm_level,
  case
    when days.water_level_max_cm is null then 'Không có số đo mực nước'
    when days.alarm_level is null then 'Chưa có ngưỡng báo động của trạm'
    when days.alarm_level = 0 then 'Dưới báo động I'
    when days.alarm_level = 1 then 'Báo động I'
    when days.alarm_level = 2 then 'Báo động II'
    else 'Báo động III'
  end as alarm_vi
from days
inner join {{ ref("int_station") }} as stations on days.station_code = stations.station_code
left join {{ ref("dim_unit") }} as units on stations.commune_code = units.unit_code
where days.day > (select max(newest.day) - interval '24' month from days as newest)
