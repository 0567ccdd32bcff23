-- Measures month by month: a stock holds on until it is told anew, for as many months as its rule says; a flow never does.
with moment as (
  select cast(date_trunc('month', coalesce(max({{ local_time("as_of") }}), cast(current_timestamp as timestamp))) as date) as this_month
  from {{ ledger_index() }}
),

delivered as (
  select
    counted.unit_code,
    counted.month,
    counted.measure,
    counted.item,
    counted.value,
    rules.kind,
    rules.carry_months,
    lead(counted.month) over (
      partition by counted.unit_code, counted.measure, counted.item order by counted.month
    ) as next_month
  from {{ ref("int_measure") }} as counted
  inner join {{ ref("measures") }} as rules on counted.measure = rules.measure
),

held as (
  select delivered.*, steps.step
  from delivered
  cross join (select cast(step as integer) as step from (values (0), (1), (2), (3), (4), (5), (6)) as steps (step)) as steps
  where steps.step = 0 or (delivered.kind = 'stock' and steps.step <= delivered.carry_months)
)

select
  held.unit_code,
  cast(held.month + held.step * interval '1 month' as date) as month,
  held.measure,
  held.item,
  held.value,
  held.step > 0 as carried
from held
cross join moment
where held.step = 0
  or (
    held.month + held.step * interval '1 month' <= moment.this_month
    and (held.next_month is null or held.month + held.step * interval '1 month' < held.next_month)
  )
