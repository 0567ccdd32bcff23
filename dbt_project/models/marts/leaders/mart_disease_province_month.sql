-- Cases of the province by disease and month, rounded to five; a count under 5 is not told.
with rounded as (
  select *, {{ round_small("cases") }} as told
  from {{ ref("mart_disease_unit_month") }}
  where level = 'province'
)

select
  unit_code,
  unit_name,
  disease_code,
  disease_name,
  month,
  cast(told as bigint) as cases,
  100000.0 * told / population as incidence_per_100k,
  told is null as suppressed
from rounded
