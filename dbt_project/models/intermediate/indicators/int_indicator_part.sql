-- Numerator and denominator of every indicator by unit and month, as the registry in force then names them.
-- The province's are the sums over the communes that told both; how many did is kept beside them.
with formulas as (
  select
    *,
    denominator is not null or method = 'growth' as has_denominator,
    case when method = 'growth' then numerator else denominator end as base_measure,
    case when method = 'growth' then 'year_before' else 'same_month' end as base_month
  from {{ ref("dim_indicator") }}
  where method <> 'sum'
),

-- what a numerator is set against: another measure of the month, or the same one a year before
bases as (
  select 'same_month' as base_month, unit_code, month, measure, '' as item, value
  from {{ ref("int_measure_carried") }}
  where item = ''
  union all
  select 'year_before', unit_code, cast(month + interval '12' month as date), measure, item, value
  from {{ ref("int_measure_carried") }}
),

counted as (
  select
    formulas.indicator_code,
    formulas.effective_from,
    formulas.level as told_level,
    formulas.has_denominator,
    formulas.base_measure,
    formulas.base_month,
    case when formulas.method = 'growth' then numerators.item else '' end as base_item,
    numerators.unit_code,
    numerators.month,
    numerators.item,
    numerators.value as numerator
  from formulas
  inner join {{ ref("int_measure_carried") }} as numerators
    on formulas.numerator = numerators.measure
      and (formulas.by_item or numerators.item = '')
      and numerators.month >= formulas.effective_from
      and (formulas.effective_to is null or numerators.month < formulas.effective_to)
),

told as (
  select counted.*, bases.value as denominator
  from counted
  left join bases
    on counted.base_month = bases.base_month
      and counted.base_measure = bases.measure
      and counted.unit_code = bases.unit_code
      and counted.month = bases.month
      and counted.base_item = bases.item
),

communes as (select * from told where length(unit_code) = 5),

-- what is told of the province alone, such as rows that name no commune, goes with the sum of its communes
summed as (
  select
    indicator_code,
    effective_from,
    '{{ env_var("KHO_PROVINCE", "68") }}' as unit_code,
    month,
    item,
    {{ settled("sum(numerator) filter (where not has_denominator or denominator is not null)") }} as numerator,
    {{ settled("sum(denominator) filter (where numerator is not null)") }} as denominator,
    count(*) filter (
      where length(unit_code) = 5 and numerator is not null and (not has_denominator or denominator is not null)
    ) as units_reporting
  from told
  where length(unit_code) = 5 or unit_code = '{{ env_var("KHO_PROVINCE", "68") }}'
  group by indicator_code, effective_from, month, item
)

select indicator_code, effective_from, unit_code, month, item, numerator, denominator, cast(null as bigint) as units_reporting
from communes
where told_level <> 'province'
union all
select indicator_code, effective_from, unit_code, month, item, numerator, denominator, units_reporting from summed
