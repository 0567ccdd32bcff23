-- Deliveries by dataset, commune and month. Due are those whose time has come; of those first read as history the punctuality
-- is not known, so they count as delivered and neither as on time nor as late.
select
  dataset,
  unit_code,
  cast(date_trunc('month', day) as date) as month,
  cast(count(*) filter (where status <> 'pending') as bigint) as expected,
  cast(count(*) filter (where status in ('on_time', 'late', 'received')) as bigint) as delivered,
  cast(count(*) filter (where status = 'on_time') as bigint) as on_time,
  cast(count(*) filter (where status = 'late') as bigint) as late,
  cast(count(*) filter (where status = 'missing') as bigint) as missing
from {{ ref("int_unit_delivery") }}
group by dataset, unit_code, cast(date_trunc('month', day) as date)
