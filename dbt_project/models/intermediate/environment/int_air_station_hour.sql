-- Every hour of an air station from its first reading to the newest of all: an hour without a reading is there, too.
with stations as (
  select station_code, min(hour) as first_hour
  from {{ ref("int_air_hour") }}
  group by station_code
),

hours as (
  {{ hour_series(
    "(select min(hour) from " ~ ref("int_air_hour") ~ ")",
    "(select max(hour) from " ~ ref("int_air_hour") ~ ")"
  ) }}
)

select stations.station_code, hours.hour
from stations
inner join hours on stations.first_hour <= hours.hour
