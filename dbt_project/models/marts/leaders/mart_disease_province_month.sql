-- Cases of the province by disease and month; a count under 5 is not told.
select
  unit_code,
  unit_name,
  disease_code,
  disease_name,
  month,
  case when cases >= 5 then cases end as cases,
  case when cases >= 5 then incidence_per_100k end as incidence_per_100k,
  cases < 5 as suppressed
from {{ ref("mart_disease_unit_month") }}
where level = 'province'
