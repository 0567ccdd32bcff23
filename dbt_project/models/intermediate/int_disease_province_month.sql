-- Monthly reports restated to today's provinces. A sum with a missing part is missing, never too small a number.
-- Reports of provinces dissolved before the merger stay out: how many parts there were then depends on the month.
with crosswalk as (
  select old_code, new_code, effective_date
  from {{ ref("int_unit_crosswalk") }}
  where level = 'province' and effective_date >= date '2025-07-01'
),

former as (
  select distinct old_code
  from {{ ref("int_unit_crosswalk") }}
  where level = 'province' and effective_date < date '2025-07-01'
),

restated as (
  select
    coalesce(crosswalk.new_code, reports.unit_code) as province_code,
    reports.disease_code,
    reports.month,
    reports.cases,
    reports.population,
    reports.rainfall_mm_per_day,
    reports.mean_temperature_c
  from {{ ref("stg_health__monthly_reports") }} as reports
  left join crosswalk
    on reports.unit_code = crosswalk.old_code and reports.month < crosswalk.effective_date
  left join former
    on reports.unit_code = former.old_code
  where former.old_code is null
),

parts as (
  select new_code as province_code, count(*) as old_units, min(effective_date) as effective_date
  from crosswalk
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
