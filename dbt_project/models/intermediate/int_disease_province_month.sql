-- Monthly reports restated to today's provinces. A sum with a missing part is missing, never too small a number.
with restated as (
  select
    coalesce(crosswalk.new_code, reports.unit_code) as province_code,
    reports.disease_code,
    reports.month,
    reports.cases,
    reports.population,
    reports.rainfall_mm_per_day,
    reports.mean_temperature_c
  from {{ ref("stg_health__monthly_reports") }} as reports
  left join {{ ref("int_unit_crosswalk") }} as crosswalk
    on reports.unit_code = crosswalk.old_code
      and crosswalk.level = 'province'
      and reports.month < crosswalk.effective_date
),

parts as (
  select new_code as province_code, count(*) as old_units, min(effective_date) as effective_date
  from {{ ref("int_unit_crosswalk") }}
  where level = 'province'
  group by new_code
),

summed as (
  select
    restated.province_code,
    restated.disease_code,
    restated.month,
    sum(restated.cases) as cases,
    count(restated.cases) as units_reporting,
    max(case when restated.month < parts.effective_date then parts.old_units else 1 end) as units_expected,
    sum(restated.population) as population,
    count(restated.population) as populations,
    avg(restated.rainfall_mm_per_day) as rainfall_mm_per_day,
    avg(restated.mean_temperature_c) as mean_temperature_c
  from restated
  left join parts on restated.province_code = parts.province_code
  group by restated.province_code, restated.disease_code, restated.month
)

select
  province_code,
  disease_code,
  month,
  case when units_reporting = units_expected then cast(cases as bigint) end as cases,
  units_reporting,
  units_expected,
  case when populations = units_expected then cast(population as bigint) end as population,
  rainfall_mm_per_day,
  mean_temperature_c
from summed
