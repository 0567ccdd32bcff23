-- What each unit will have reached at the end of the year of what has to be reached within it, and how likely its target is.
with newest as (
  select indicator_code, max(origin) as origin
  from {{ ref("stg_models__outlooks") }}
  group by indicator_code
),

told as (
  select
    outlooks.*,
    -- months of the year that are still to come
    12 - extract(month from outlooks.origin) as months_left
  from {{ ref("stg_models__outlooks") }} as outlooks
  inner join newest on outlooks.indicator_code = newest.indicator_code and outlooks.origin = newest.origin
),

registry as (
  select indicator_code, name_vi, theme, effective_to
  from {{ ref("dim_indicator") }}
  where not sensitive
)

select
  told.indicator_code,
  registry.name_vi as indicator_name,
  registry.theme,
  told.unit_code,
  units.name as unit_name,
  units.level,
  told.origin,
  cast(told.months_left as integer) as months_left,
  told.so_far,
  told.goal,
  told.q50 as expected,
  told.q10 as expected_low,
  told.q90 as expected_high,
  case when told.goal > 0 then {{ settled("100.0 * told.so_far / told.goal") }} end as so_far_pct,
  case when told.goal > 0 then {{ settled("100.0 * told.q50 / told.goal") }} end as expected_pct,
  told.chance,
  {{ needed_per_month("told.goal", "told.so_far", "told.months_left") }} as needed_per_month,
  case when extract(month from told.origin) > 0 then {{ settled("told.so_far / extract(month from told.origin)") }} end
    as reached_per_month,
  {{ outlook_vi("told.chance", "told.so_far", "told.goal") }} as outlook_vi,
  told.note
from told
inner join registry on told.indicator_code = registry.indicator_code and registry.effective_to is null
inner join {{ ref("dim_unit") }} as units on told.unit_code = units.unit_code
