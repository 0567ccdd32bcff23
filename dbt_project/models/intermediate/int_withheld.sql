-- Which indicators may not be told as numbers, in which months, and why in words: a source is not there, is too old,
-- or days of the month were not read. Quality is told always: it tells just this.
with inputs as (
  select indicator_code, {{ unnest_list("inputs") }} as dataset
  from (select distinct indicator_code, inputs from {{ ref("dim_indicator") }} where theme <> 'quality') as registry
),

months as (
  select day as month
  from ({{ date_series(
    "coalesce((select date_trunc('month', min(day)) from " ~ ledger_index() ~ "), date '2020-01-01')",
    "(select coalesce(max(" ~ local_time("as_of") ~ "), cast(current_timestamp as timestamp)) from " ~ ledger_index() ~ ")",
    "month") }}) as days
),

moment as (
  select cast(coalesce(max({{ local_time("as_of") }}), cast(current_timestamp as timestamp)) as date) as today
  from {{ ledger_index() }}
),

-- days that should have been read by now and were not; today is still to come
days_read as (
  select
    loads.dataset,
    cast(date_trunc('month', loads.day) as date) as month,
    count(distinct loads.day) filter (where loads.standing) as days
  from {{ ledger_index() }} as loads
  cross join moment
  where loads.kind = 'rows' and loads.day < moment.today
  group by loads.dataset, cast(date_trunc('month', loads.day) as date)
),

first_days as (
  select dataset, min(day) as first_day from {{ ledger_index() }} where kind = 'rows' group by dataset
),

days_due as (
  select
    contracts.dataset,
    contracts.title,
    months.month,
    cast(date_diff(
      'day',
      greatest(months.month, first_days.first_day),
      least(cast(months.month + interval '1' month as date), moment.today)
    ) as bigint) as days
  from {{ contracts() }} as contracts
  inner join first_days on contracts.dataset = first_days.dataset
  cross join moment
  inner join months
    on cast(months.month + interval '1' month as date) > first_days.first_day and months.month < moment.today
  where contracts.partition = 'daily'
),

judged as (
  select
    inputs.indicator_code,
    inputs.dataset,
    months.month,
    case
      when quality.last_standing_load is null
        then 'Chưa có dữ liệu nguồn: ' || coalesce(quality.title, inputs.dataset)
      when quality.stale and months.month >= date_trunc('month', quality.newest_event_at)
        then 'Dữ liệu ' || quality.title || ' đã cũ ' || cast(cast(quality.age_hours as bigint) as varchar)
          || ' giờ (giới hạn ' || cast(cast(quality.stale_after_hours as bigint) as varchar) || ' giờ)'
      when coalesce(days_read.days, 0) < 0.95 * days_due.days
        then 'Mới có dữ liệu ' || days_due.title || ' của ' || cast(coalesce(days_read.days, 0) as varchar) || '/'
          || cast(days_due.days as varchar) || ' ngày'
    end as reason
  from inputs
  cross join months
  left join {{ ref("int_dataset_quality") }} as quality on inputs.dataset = quality.dataset
  left join days_due on inputs.dataset = days_due.dataset and months.month = days_due.month
  left join days_read on inputs.dataset = days_read.dataset and months.month = days_read.month
)

select indicator_code, month, min(reason) as reason, min_by(dataset, reason) as dataset
from judged
where reason is not null
group by indicator_code, month
