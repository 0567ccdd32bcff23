-- Deliveries by dataset, unit of the province (itself too, of what it delivers as a whole) and month. Due are those whose time
-- has come and of which it is known whether they came. Of a partition that was first read as history, after its due time, or
-- that nobody delivered, no unit's punctuality is known: what did not come is missing, but nothing is timed.
-- What names a unit that is none of the province is the reading's fault and no unit's delivery.
with deliveries as (
  select
    told.dataset,
    told.unit_code,
    told.day,
    told.status,
    max(case when told.status in ('on_time', 'late') then 1 else 0 end) over (partition by told.dataset, told.day) as watched
  from {{ ref("int_unit_delivery") }} as told
  inner join {{ ref("dim_unit") }} as units
    on told.unit_code = units.unit_code
      and units.province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
)

select
  dataset,
  unit_code,
  cast(date_trunc('month', day) as date) as month,
  cast(count(*) filter (where status not in ('pending', 'unknown')) as bigint) as expected,
  cast(count(*) filter (where status in ('on_time', 'late', 'received')) as bigint) as delivered,
  cast(count(*) filter (where status = 'on_time') as bigint) as on_time,
  cast(count(*) filter (where status = 'late') as bigint) as late,
  cast(count(*) filter (where status = 'missing') as bigint) as missing,
  cast(count(*) filter (where status in ('on_time', 'late', 'missing') and watched = 1) as bigint) as timed
from deliveries
group by dataset, unit_code, cast(date_trunc('month', day) as date)
