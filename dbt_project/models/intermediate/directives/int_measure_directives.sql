-- Assigned tasks by unit and month. A month is judged at its end, the running one at the last midnight; what is due today is not
-- late yet.
with moment as (
  select cast({{ local_time("coalesce(max(as_of), current_timestamp)") }} as date) as today from {{ ledger_index() }}
),

months as (
  select
    days.day as month,
    least(cast(days.day + interval '1' month as date), moment.today) as until_day
  from (
    {{ date_series(
      "(select date_trunc('month', min(assigned_on)) from " ~ ref("int_directive") ~ ")", "(select today from moment)", "month"
    ) }}
  ) as days
  cross join moment
),

tasks as (
  select
    *,
    cast(date_trunc('month', assigned_on) as date) as month_assigned,
    cast(date_trunc('month', due_on) as date) as month_due
  from {{ ref("int_directive") }}
),

assigned as (
  select unit_code, month_assigned as month, count(*) as tasks_assigned
  from tasks
  group by unit_code, month_assigned
),

due as (
  select
    tasks.unit_code,
    months.month,
    count(*) as tasks_due,
    count(*) filter (where tasks.done_on <= tasks.due_on) as tasks_done_on_time,
    count(*) filter (where tasks.extensions > 0) as tasks_extended
  from tasks
  inner join months on tasks.month_due = months.month and tasks.due_on < months.until_day
  group by tasks.unit_code, months.month
),

-- by the due date that was valid on the day, so that an extension granted later does not undo the days before it
late as (
  select
    tasks.unit_code,
    months.month,
    months.until_day,
    terms.valid_until,
    tasks.done_on,
    greatest(cast(terms.due_on + interval '1' day as date), terms.valid_from, months.month) as first_day,
    least(
      months.until_day,
      coalesce(terms.valid_until, months.until_day),
      coalesce(cast(tasks.done_on + interval '1' day as date), months.until_day)
    ) as day_after
  from {{ ref("int_directive_term") }} as terms
  inner join tasks on terms.task_id = tasks.task_id
  inner join months on terms.due_on < months.until_day and terms.valid_from < months.until_day
),

overdue as (
  select
    unit_code,
    month,
    count(*) filter (
      where (done_on is null or done_on >= until_day) and (valid_until is null or valid_until >= until_day)
    ) as tasks_overdue,
    sum(date_diff('day', first_day, day_after)) as tasks_overdue_days
  from late
  where day_after > first_day
  group by unit_code, month
),

counted as (
  select unit_code, month, 'tasks_assigned' as measure, tasks_assigned as value from assigned
  union all
  select unit_code, month, 'tasks_due', tasks_due from due
  union all
  select unit_code, month, 'tasks_done_on_time', tasks_done_on_time from due
  union all
  select unit_code, month, 'tasks_extended', tasks_extended from due
  union all
  select unit_code, month, 'tasks_overdue', tasks_overdue from overdue
  union all
  select unit_code, month, 'tasks_overdue_days', tasks_overdue_days from overdue
),

-- every commune: where nothing was assigned there is a true zero; the province only where tasks are its own
units as (
  select unit_code from {{ ref("dim_unit") }}
  where level = 'commune' and province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
  union
  select unit_code from tasks where unit_code = '{{ env_var("KHO_PROVINCE", "68") }}'
),

measures as (
  select measure from (
    values ('tasks_assigned'), ('tasks_due'), ('tasks_done_on_time'), ('tasks_extended'), ('tasks_overdue'),
    ('tasks_overdue_days')
  ) as names (measure)
)

select
  units.unit_code,
  months.month,
  measures.measure,
  '' as item,
  cast(coalesce(counted.value, 0) as double) as value
from units
cross join months
cross join measures
left join counted
  on units.unit_code = counted.unit_code
    and months.month = counted.month
    and measures.measure = counted.measure
