-- Electricity sold by unit and month. Days that a commune did not deliver are missing in the sum, so the growth compares what was
-- sold a delivered day.
with figures as (
  {{ unit_month("electricity", ["electricity_kwh", "electricity_customers", "electricity_days"]) }}
),

daily as (
  select figures.*, case when electricity_days > 0 then electricity_kwh / electricity_days end as kwh_per_day
  from figures
)

select
  now.unit_code,
  now.unit_name,
  now.level,
  now.province_code,
  now.month,
  cast(now.units_reporting as bigint) as units_reporting,
  cast(now.units_expected as bigint) as units_expected,
  now.electricity_kwh,
  cast(now.electricity_customers as bigint) as electricity_customers,
  cast(now.electricity_days as bigint) as electricity_days,
  now.kwh_per_day,
  before.kwh_per_day as kwh_per_day_last_year,
  case when {{ has_ended("now.month") }} then {{ growth_pct("now.kwh_per_day", "before.kwh_per_day") }} end as growth_pct
from daily as now
left join daily as before on now.unit_code = before.unit_code and before.month = now.month - interval '1' year
