-- The newest value of every property of a station in every hour of local time: corrections replace what they correct.
select
  station_code,
  property,
  date_trunc('hour', {{ local_time("phenomenon_at") }}) as hour,
  max_by(result, result_at) as value
from {{ ref("stg_iot__observations") }}
group by station_code, property, date_trunc('hour', {{ local_time("phenomenon_at") }})
