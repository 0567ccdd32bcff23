-- Hourly water levels with the highest alarm level that they reach: 0 below the first, null where the station has no thresholds.
with levels as (
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
left join {{ ref("water_levels") }} as thresholds
  on levels.station_code = thresholds.station_code
    and levels.hour >= thresholds.effective_from
    and (levels.hour < thresholds.effective_to or thresholds.effective_to is null)
group by levels.station_code, levels.hour, levels.water_level_cm
