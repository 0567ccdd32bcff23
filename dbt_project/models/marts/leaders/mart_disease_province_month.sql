-- Cases of the province by disease and month, rounded to five; a count under 5 is not told. Of the own province what is told is
-- what mart_indicator tells beside the communes' figures: not where it would give away one of theirs.
with rounded as (
  select
    cases.*,
    case
      when cases.unit_code = '{{ env_var("KHO_PROVINCE", "68") }}' then cast(figures.numerator as bigint)
      else {{ round_small("cases.cases") }}
    end as told
  from {{ ref("mart_disease_unit_month") }} as cases
  left join {{ ref("int_indicator_told") }} as figures
    on figures.indicator_code = 'disease_cases'
      and cases.unit_code = figures.unit_code
      and cases.disease_code = figures.item
      and cases.month = figures.month
  where cases.level = 'province'
)

select
  unit_code,
  unit_name,
  disease_code,
  disease_name,
  month,
  told as cases,
  100000.0 * told / population as incidence_per_100k,
  told is null as suppressed
from rounded
