-- What VN_AQI of the day is computed from: 24-hour means of dust, largest 1-hour means of gases, largest moving 8-hour mean of O3
-- among those that end on the day. A mean needs enough of its hours (seed air_averages).
with required as (
  select
    max(case when averaging = '24h' then required_hours end) as day_hours,
    max(case when averaging = '8h' then required_hours end) as moving_hours
  from {{ ref("air_averages") }}
),

ozone as (
  select
    grid.station_code,
    grid.hour,
    avg(air.concentration) over (
      partition by grid.station_code order by grid.hour rows between 7 preceding and current row
    ) as moving_mean,
    count(air.concentration) over (
      partition by grid.station_code order by grid.hour rows between 7 preceding and current row
    ) as moving_hours
  from {{ ref("int_air_station_hour") }} as grid
  left join {{ ref("int_air_hour") }} as air
    on grid.station_code = air.station_code
      and grid.hour = air.hour
      and air.pollutant = 'o3'
),

ozone_days as (
  select
    ozone.station_code,
    cast(ozone.hour as date) as day,
    max(case when ozone.moving_hours >= required.moving_hours then ozone.moving_mean end) as o3_max_8h
  from ozone
  cross join required
  group by ozone.station_code, cast(ozone.hour as date)
),

days as (
  select
    station_code,
    cast(hour as date) as day,
    count(distinct hour) as hours,
    count(case when pollutant = 'pm25' then concentration end) as pm25_hours,
    avg(case when pollutant = 'pm25' then concentration end) as pm25_mean,
    count(case when pollutant = 'pm10' then concentration end) as pm10_hours,
    avg(case when pollutant = 'pm10' then concentration end) as pm10_mean,
    max(case when pollutant = 'o3' then concentration end) as o3_max_1h,
    max(case when pollutant = 'no2' then concentration end) as no2_max_1h,
    max(case when pollutant = 'so2' then concentration end) as so2_max_1h,
    max(case when pollutant = 'co' then concentration end) as co_max_1h
  from {{ ref("int_air_hour") }}
  group by station_code, cast(hour as date)
)

select
  ozone_days.station_code,
  ozone_days.day,
  coalesce(days.hours, 0) as hours,
  coalesce(days.pm25_hours, 0) as pm25_hours,
  case when days.pm25_hours >= required.day_hours then days.pm25_mean end as pm25_mean,
  coalesce(days.pm10_hours, 0) as pm10_hours,
  case when days.pm10_hours >= required.day_hours then days.pm10_mean end as pm10_mean,
  days.o3_max_1h,
  ozone_days.o3_max_8h,
  days.no2_max_1h,
  days.so2_max_1h,
  days.co_max_1h
from ozone_days
cross join required
left join days on ozone_days.station_code = days.station_code and ozone_days.day = days.day
