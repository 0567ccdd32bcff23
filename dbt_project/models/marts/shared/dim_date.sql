select
  day,
  cast(date_trunc('week', day) as date) as week_start,
  cast(date_trunc('month', day) as date) as month,
  cast(date_trunc('quarter', day) as date) as quarter,
  cast(extract(year from day) as integer) as year,
  extract(isodow from day) <= 5 as weekday
from ({{ date_series("date '2010-01-01'", "date '2035-12-31'", "day") }}) as days
