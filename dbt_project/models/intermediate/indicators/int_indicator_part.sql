-- Numerator and denominator of every indicator by unit and month, as the registry in force then names them.
-- The province's are the sums over the communes that told both; how many did is kept beside them.
with formulas as (
  select * from {{ ref("dim_indicator") }} where method <> 'sum'
),

told as (
  select
    formulas.indicator_code,
    formulas.effective_from,
    formulas.level as told_level,
    formulas.method,
    numerators.unit_code,
    numerators.month,
    numerators.item,
    numerators.value as numerator,
    case
      when formulas.method = 'growth' then year_before.value
      else denominators.value
    end as denominator,
    formulas.denominator is not null or formulas.method = 'growth' as has_denominator
  from formulas
  inner join {{ ref("int_measure_carried") }} as numerators
    on formulas.numerator = numerators.measure
      and (formulas.by_item or numerators.item = '')
      and numerators.month >= formulas.effective_from
      and (formulas.effective_to is null or numerators.month < formulas.effective_to)
  left join {{ ref("int_measure_carried") }} as denominators
    on formulas.denominator = denominators.measure
      and numerators.unit_code = denominators.unit_code
      and numerators.month = denominators.month
      and denominators.item = ''
  left join {{ ref("int_measure_carried") }} as year_before
    on formulas.method = 'growth'
      and formulas.numerator = year_before.measure
      and numerators.item = year_before.item
      and numerators.unit_code = year_before.unit_code
      and year_before.month = numerators.month - interval '12' month
),

communes as (select * from told where length(unit_code) = 5),

summed as (
  select
    indicator_code,
    effective_from,
    '{{ env_var("KHO_PROVINCE", "68") }}' as unit_code,
    month,
    item,
    sum(numerator) filter (where not has_denominator or denominator is not null) as numerator,
    sum(denominator) filter (where numerator is not null) as denominator,
    count(*) filter (where numerator is not null and (not has_denominator or denominator is not null)) as units_reporting
  from communes
  where told_level <> 'commune_only'
  group by indicator_code, effective_from, month, item
)

select indicator_code, effective_from, unit_code, month, item, numerator, denominator, cast(null as bigint) as units_reporting
from communes
where told_level <> 'province'
union all
select indicator_code, effective_from, unit_code, month, item, numerator, denominator, units_reporting from summed
union all
select indicator_code, effective_from, unit_code, month, item, numerator, denominator, cast(null as bigint)
from told
where length(unit_code) = 2 and unit_code = '{{ env_var("KHO_PROVINCE", "68") }}'
