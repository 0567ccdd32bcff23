-- Hourly water levels with the highest alarm level that they reach: 0 below the first, null where the station has no thresholds.
-- Thresholds are the station's own; where the province's seed names the station, its dated ones stand instead.
with thresholds as (
  select station_code, alarm_level, water_level_cm, effective_from, effective_to
  from {{ ref("water_levels") }}
  {%- for level in [1, 2, 3] %}
  union all
  select station_code, {{ level }}, alarm_{{ level }}_cm, cast(null as date), cast(null as date)
  from {{ ref("int_station") }}
  where alarm_{{ level }}_cm is not null and station_code not in (select station_code from {{ ref("water_levels") }})
  {%- endfor %}
),

levels as (
  select
    station_code,
    hour,
    value as water_level_cm
  from {{ ref("int_observation_hour") }}
  where property = 'water_level'
)

select
  levels.station_code,
  levels.hour,
  levels.water_level_cm,
  max(case when levels.water_level_cm >= thresholds.water_level_cm then thresholds.alarm_level
    when thresholds.station_code is not null then 0 end) as alarm_level
from levels
left join thresholds
  on levels.station_code = thresholds.station_code
    and (levels.hour >= thresholds.effective_from or thresholds.effective_from is null)
    and (levels.hour < thresholds.effective_to or thresholds.effective_to is null)
group by levels.station_code, levels.hour, levels.water_level_cm
