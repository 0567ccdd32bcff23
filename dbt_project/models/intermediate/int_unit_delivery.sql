-- Reporting discipline: for every commune, day or month, and dataset with a delivery date, whether and when rows came.
-- A day is the one that rows are of, where they say it: a stream's load is of the day of updates, and a figure that is sent
-- late or corrected comes in a later one.
-- What was read for the first time after its due time (history, at the first start) tells nothing of punctuality. History of
-- a stream does not tell either what was due then: a day without rows before the first one read in time is unknown. A file
-- of a day or month is the source's whole word, and who is not in it is missing whenever it was read.
with loads as (
  select dataset, load_id, mode, day, units, started_at
  from {{ ledger_index() }}
  where standing and kind = 'rows'
),

read_days as (
  select
    loads.dataset,
    loads.day,
    loads.mode,
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
  group by loads.dataset, loads.day, loads.mode, contracts.every_unit, contracts.partition, contracts.due_hours
),

partitions as (
  select
    *,
    mode <> 'stream' or coalesce(
      day >= min(case when first_read_at <= due_at then day end) over (partition by dataset), false
    ) as watched
  from read_days
),

came as (
  select own.dataset, own.day, own.unit_code, loads.started_at
  from {{ ref("stg_quality__delivered") }} as own
  inner join loads on own.dataset = loads.dataset and own.load_id = loads.load_id
  union all
  select loads.dataset, loads.day, {{ unnest_texts("loads.units") }} as unit_code, loads.started_at
  from loads
  inner join {{ contracts() }} as contracts on loads.dataset = contracts.dataset
  where not contracts.own_day
),

delivered as (
  select dataset, day, unit_code, min({{ local_time("started_at") }}) as received_at
  from came
  group by dataset, day, unit_code
),

ours as (
  select unit_code, level from {{ ref("dim_unit") }} where province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
),

expected as (
  select partitions.dataset, partitions.day, partitions.due_at, partitions.first_read_at, partitions.watched, ours.unit_code
  from partitions
  cross join ours
  where partitions.every_unit and ours.level = 'commune'
  union all
  select partitions.dataset, partitions.day, partitions.due_at, partitions.first_read_at, partitions.watched, delivered.unit_code
  from partitions
  inner join delivered on partitions.dataset = delivered.dataset and partitions.day = delivered.day
  inner join ours on delivered.unit_code = ours.unit_code
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
    when delivered.received_at is null and not expected.watched then 'unknown'
    when delivered.received_at is null then 'missing'
    when expected.first_read_at > expected.due_at then 'received'
    when delivered.received_at <= expected.due_at then 'on_time'
    else 'late'
  end as status
from expected
cross join moment
left join delivered
  on expected.dataset = delivered.dataset and expected.day = delivered.day and expected.unit_code = delivered.unit_code
