-- Coverage of health and social insurance by unit and month.
with figures as (
  {{ unit_month("insurance", ["insured_health", "population_health", "insured_social", "population_social"]) }}
)

select
  unit_code,
  unit_name,
  level,
  province_code,
  month,
  cast(units_reporting as bigint) as units_reporting,
  cast(units_expected as bigint) as units_expected,
  cast(insured_health as bigint) as insured_health,
  cast(population_health as bigint) as population_health,
  case when population_health > 0 then 100.0 * insured_health / population_health end as health_coverage_pct,
  cast(insured_social as bigint) as insured_social,
  cast(population_social as bigint) as population_social,
  case when population_social > 0 then 100.0 * insured_social / population_social end as social_coverage_pct
from figures
