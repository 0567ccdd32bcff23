-- The figures as readers outside health and police may know them: of sensitive ones, counts under 5 are hidden and the others
-- rounded to five, rates are made of what is told, and a total that would give away a hidden part is hidden with it.
with registry as (select * from {{ ref("dim_indicator") }}),

figures as (
  select
    exact.*,
    registry.sensitive,
    registry.factor,
    registry.method,
    coalesce(parts.sensitive_denominator, false) as sensitive_denominator
  from {{ ref("int_indicator") }} as exact
  inner join registry
    on exact.indicator_code = registry.indicator_code and exact.effective_from = registry.effective_from
  left join (
    -- a denominator that counts persons of a sensitive kind, too
    select distinct shares.indicator_code, true as sensitive_denominator
    from registry as shares
    inner join registry as counts
      on shares.denominator = counts.numerator and counts.sensitive
    where shares.sensitive
  ) as parts on exact.indicator_code = parts.indicator_code
),

rounded as (
  select
    figures.*,
    case when sensitive then {{ round_small("numerator") }} else numerator end as numerator_told,
    case when sensitive and sensitive_denominator then {{ round_small("denominator") }} else denominator end as denominator_told
  from figures
),

-- from the published parts of a month somebody could reckon that a hidden cell is 3 or 4: then the total is not told
bounds as (
  select
    indicator_code,
    item,
    month,
    sum(case when level = 'commune' then coalesce(numerator_told + 2, 4) end) as most,
    max(case when level = 'province' then numerator_told end) as total,
    count(*) filter (where level = 'commune' and numerator_told is null and numerator is not null) as hidden
  from rounded
  where sensitive
  group by indicator_code, item, month
),

told as (
  select
    rounded.*,
    case
      when not rounded.sensitive or rounded.withheld_reason is not null then rounded.withheld_reason
      when rounded.numerator_told is null then 'Dưới 5: không công bố số chính xác'
      when rounded.sensitive_denominator and rounded.denominator_told is null then 'Dưới 5: không công bố số chính xác'
      when rounded.level = 'province' and bounds.hidden > 0 and bounds.total - 2 - (bounds.most - 4) >= 3
        then 'Không công bố vì có thể suy ra số dưới 5 của một đơn vị'
    end as reason
  from rounded
  left join bounds
    on rounded.indicator_code = bounds.indicator_code and rounded.item = bounds.item and rounded.month = bounds.month
)

select
  indicator_code,
  effective_from,
  item,
  unit_code,
  level,
  month,
  units_reporting,
  sensitive,
  case
    when reason is not null then null
    when not sensitive then value
    when method = 'count' then factor * numerator_told
    else factor * numerator_told / denominator_told
  end as value,
  case when not sensitive or reason is null then numerator_told end as numerator,
  case when not sensitive or reason is null then denominator_told end as denominator,
  reason as withheld_reason
from told
