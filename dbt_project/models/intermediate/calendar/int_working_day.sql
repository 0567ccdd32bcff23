-- Which days are worked: Monday to Friday without public holidays and days exchanged, and the weekend days worked in exchange.
with holidays as (
  select day, name from {{ public_holidays() }}
  union all
  select cast(day_off as date), name_vi from {{ ref("working_day_swaps") }}
),

holiday_names as (
  select day, min(name) as name
  from holidays
  group by day
),

made_up as (
  select day from {{ makeup_days() }}
  union
  select cast(working_day as date) from {{ ref("working_day_swaps") }}
),

judged as (
  select
    days.day,
    holiday_names.name as holiday_name,
    made_up.day is not null as makeup_day,
    made_up.day is not null or (holiday_names.day is null and extract(isodow from days.day) <= 5) as working_day
  from {{ ref("int_day") }} as days
  left join holiday_names on days.day = holiday_names.day
  left join made_up on days.day = made_up.day
)

select
  day,
  holiday_name,
  makeup_day,
  working_day,
  cast(
    sum(case when working_day then 1 else 0 end) over (order by day rows between unbounded preceding and current row)
    as integer
  ) as working_day_number
from judged
