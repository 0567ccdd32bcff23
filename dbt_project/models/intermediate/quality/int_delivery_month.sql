-- Deliveries by dataset, commune and month. Due are those whose time has come. Of a partition that was first read as history,
-- after its due time, or that nobody delivered, no unit's punctuality is known: what did not come is missing, but nothing is timed.
with deliveries as (
  select
    dataset,
    unit_code,
    day,
    status,
    max(case when status in ('on_time', 'late') then 1 else 0 end) over (partition by dataset, day) as watched
  from {{ ref("int_unit_delivery") }}
)

select
  dataset,
  unit_code,
  cast(date_trunc('month', day) as date) as month,
  cast(count(*) filter (where status <> 'pending') as bigint) as expected,
  cast(count(*) filter (where status in ('on_time', 'late', 'received')) as bigint) as delivered,
  cast(count(*) filter (where status = 'on_time') as bigint) as on_time,
  cast(count(*) filter (where status = 'late') as bigint) as late,
  cast(count(*) filter (where status = 'missing') as bigint) as missing,
  cast(count(*) filter (where status in ('on_time', 'late', 'missing') and watched = 1) as bigint) as timed
from deliveries
group by dataset, unit_code, cast(date_trunc('month', day) as date)
