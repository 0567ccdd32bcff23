-- Residents by unit and month. Births, deaths and moves are few in a commune: they are told to the nearest five.
with figures as (
  {{ unit_month("population", ["residents", "residents_working_age", "births", "deaths", "moved_in", "moved_out"]) }}
)

select
  unit_code,
  unit_name,
  level,
  province_code,
  month,
  cast(units_reporting as bigint) as units_reporting,
  cast(units_expected as bigint) as units_expected,
  cast(residents as bigint) as residents,
  cast(residents_working_age as bigint) as residents_working_age,
  {{ told_count("births", "month") }} as births,
  {{ told_count("deaths", "month") }} as deaths,
  {{ told_count("moved_in", "month") }} as moved_in,
  {{ told_count("moved_out", "month") }} as moved_out
from figures
