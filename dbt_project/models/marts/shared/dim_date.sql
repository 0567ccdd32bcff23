-- The inspection year begins on 15 December, its quarters on the 15th: fourteen days back, every period is one of whole months.
with shifted as (
  select
    *,
    cast(date_trunc('month', day - interval '14' day) + interval '1' month as date) as inspection_month
  from {{ ref("int_working_day") }}
)

select
  day,
  cast(date_trunc('week', day) as date) as week_start,
  cast(date_trunc('month', day) as date) as month,
  cast(date_trunc('quarter', day) as date) as quarter,
  cast(extract(year from day) as integer) as year,
  extract(isodow from day) <= 5 as weekday,
  holiday_name,
  makeup_day,
  working_day,
  working_day_number,
  cast(extract(year from inspection_month) as integer) as inspection_year,
  cast(extract(quarter from inspection_month) as integer) as inspection_quarter,
  cast(date_trunc('quarter', inspection_month) - interval '1' month + interval '14' day as date) as inspection_quarter_start
from shifted
