-- Reporting discipline: for every commune, day or month, and dataset with a delivery date, whether and when rows came.
-- What was read for the first time after its due time (history, at the first start) tells nothing of punctuality.
with loads as (
  select dataset, day, units, started_at
  from {{ ledger_index() }}
  where standing and kind = 'rows'
),

partitions as (
  select
    loads.dataset,
    loads.day,
    contracts.every_unit,
    {{ add_hours(
      "case when contracts.partition = 'monthly' then cast(loads.day + interval '1 month' as timestamp)"
      ~ " else cast(loads.day + interval '1 day' as timestamp) end", "contracts.due_hours") }} as due_at,
    min({{ local_time("loads.started_at") }}) as first_read_at
  from loads
  inner join {{ contracts() }} as contracts on loads.dataset = contracts.dataset
  left join {{ ref("int_working_day") }} as calendar on loads.day = calendar.day
  where contracts.due_hours is not null
    and (not contracts.working_days or coalesce(calendar.working_day, true))
  group by loads.dataset, loads.day, contracts.every_unit, contracts.partition, contracts.due_hours
),

delivered as (
  select dataset, day, unit_code, min({{ local_time("started_at") }}) as received_at
  from (select dataset, day, started_at, {{ unnest_texts("units") }} as unit_code from loads) as units
  group by dataset, day, unit_code
),

expected as (
  select partitions.dataset, partitions.day, partitions.due_at, partitions.first_read_at, communes.unit_code
  from partitions
  cross join (
    select unit_code from {{ ref("dim_unit") }}
    where level = 'commune' and province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
  ) as communes
  where partitions.every_unit
  union all
  select partitions.dataset, partitions.day, partitions.due_at, partitions.first_read_at, delivered.unit_code
  from partitions
  inner join delivered on partitions.dataset = delivered.dataset and partitions.day = delivered.day
  where not partitions.every_unit  -- where no row may mean no event, only what came can be in time or late
),

moment as (select coalesce(max({{ local_time("as_of") }}), cast(current_timestamp as timestamp)) as as_of from {{ ledger_index() }})

select
  expected.dataset,
  expected.unit_code,
  expected.day,
  expected.due_at,
  delivered.received_at,
  case
    when delivered.received_at is null and moment.as_of <= expected.due_at then 'pending'
    when delivered.received_at is null then 'missing'
    when expected.first_read_at > expected.due_at then 'received'
    when delivered.received_at <= expected.due_at then 'on_time'
    else 'late'
  end as status
from expected
cross join moment
left join delivered
  on expected.dataset = delivered.dataset and expected.day = delivered.day and expected.unit_code = delivered.unit_code
