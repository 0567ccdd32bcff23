-- Population by month on today's provinces, from the reports of the provinces of their time. A sum with a missing part is
-- missing: what was reported is told beside it.
with reported as (
  -- a file a disease tells the same population
  select unit_code, month, max(population) as population
  from {{ ref("stg_health__monthly_reports") }}
  group by unit_code, month
),

restated as (
  {{ restate("reported", "unit_code", "month", ["population"]) | indent(2) }}
),

-- how many provinces make up one of today's, before the merger and since
expected as (
  select new_code as unit_code, count(*) as parts, max(effective_date) as merged_on
  from {{ ref("int_unit_crosswalk") }}
  where level = 'province' and effective_date >= date '2025-07-01'
  group by new_code
),

judged as (
  select
    restated.unit_code,
    restated.month,
    restated.population,
    restated.apportioned,
    restated.parts - restated.parts_missing as parts_reporting,
    case when restated.month < expected.merged_on then expected.parts else 1 end as parts_expected
  from restated
  inner join expected on restated.unit_code = expected.unit_code
)

select
  judged.unit_code,
  units.name as unit_name,
  judged.month,
  case when judged.parts_reporting >= judged.parts_expected then judged.population end as population,
  judged.population as population_reported,
  judged.apportioned,
  cast(judged.parts_reporting as integer) as parts_reporting,
  cast(judged.parts_expected as integer) as parts_expected,
  case
    when judged.parts_reporting < judged.parts_expected
      then 'Mới có số liệu của ' || cast(judged.parts_reporting as varchar) || '/'
        || cast(judged.parts_expected as varchar) || ' tỉnh cũ'
  end as withheld_reason
from judged
inner join {{ ref("dim_unit") }} as units on judged.unit_code = units.unit_code
