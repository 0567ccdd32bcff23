-- The figures as readers outside health and police may know them: of sensitive ones, counts under 5 are hidden and the others
-- rounded to five, rates are made of what is told, and a total that would give away a hidden part is hidden with it. A share of two
-- rounded counts that may be off by more than ten points says nothing: the counts are told and it is not; of the others the bounds go along.
with registry as (select * from {{ ref("dim_indicator") }}),

figures as (
  select
    exact.*,
    registry.sensitive,
    registry.factor,
    registry.method,
    registry.sensitive and registry.denominator is not null and open_counts.measure is null as sensitive_denominator
  from {{ ref("int_indicator") }} as exact
  inner join registry
    on exact.indicator_code = registry.indicator_code and exact.effective_from = registry.effective_from
  left join (
    -- what is published exactly as an indicator of its own, e.g. residents; any other denominator of a sensitive share counts
    -- persons of a sensitive kind, too
    select distinct numerator as measure from registry where method = 'count' and not sensitive
  ) as open_counts on registry.denominator = open_counts.measure
),

rounded as (
  select
    figures.*,
    case when sensitive then {{ round_small("numerator") }} else numerator end as numerator_told,
    case when sensitive_denominator then {{ round_small("denominator") }} else denominator end as denominator_told
  from figures
),

-- every group of parts beside its total: communes beside the province, kinds beside all of them
members as (
  select indicator_code, item, month, level = 'province' as is_total, 'numerator' as part, numerator as exact, numerator_told as told
  from rounded
  where sensitive
  union all
  select indicator_code, item, month, level = 'province', 'denominator', denominator, denominator_told
  from rounded
  where sensitive_denominator
),

-- from the published parts of a month somebody could reckon that a hidden cell is 3 or 4: then the total is not told
bounds as (
  select
    indicator_code,
    item,
    month,
    max(case when gives_away then 1 else 0 end) = 1 as gives_away
  from (
    select
      indicator_code,
      item,
      month,
      part,
      {{ gives_away(
        "max(case when is_total then told end)",
        "sum(case when not is_total and exact is not null then " ~ at_most("told") ~ " end)",
        "count(case when not is_total and exact is not null and told is null then 1 end)"
      ) }} as gives_away
    from members
    group by indicator_code, item, month, part
  ) as by_part
  group by indicator_code, item, month
),

-- of kinds told for the province alone, the total is another indicator's: then the kinds are not told
kind_bounds as (
  select kinds.indicator_code, kinds.unit_code, kinds.month
  from rounded as kinds
  inner join registry as kind_rules
    on kinds.indicator_code = kind_rules.indicator_code
      and kinds.effective_from = kind_rules.effective_from
      and kind_rules.by_item
      and kind_rules.sensitive
  inner join registry as total_rules
    on kind_rules.numerator = total_rules.numerator || '_by_kind'
      and total_rules.method = 'count'
      and kinds.month >= total_rules.effective_from
      and (total_rules.effective_to is null or kinds.month < total_rules.effective_to)
  inner join rounded as totals
    on total_rules.indicator_code = totals.indicator_code
      and kinds.unit_code = totals.unit_code
      and kinds.month = totals.month
  group by kinds.indicator_code, kinds.unit_code, kinds.month
  having {{ gives_away(
    "max(totals.numerator_told)",
    "sum(" ~ at_most("kinds.numerator_told") ~ ")",
    "count(case when kinds.numerator_told is null then 1 end)"
  ) }}
),

told as (
  select
    rounded.*,
    case
      when not rounded.sensitive then rounded.withheld_reason
      -- that there was none would tell that elsewhere there were some
      when rounded.withheld_reason = {{ not_occurring() }} and rounded.sensitive_denominator
        then 'Dưới 5: không công bố số chính xác'
      when rounded.withheld_reason is not null then rounded.withheld_reason
      when rounded.numerator_told is null then 'Dưới 5: không công bố số chính xác'
      when rounded.sensitive_denominator and rounded.denominator_told is null then 'Dưới 5: không công bố số chính xác'
      when (rounded.level = 'province' and bounds.gives_away) or kind_bounds.unit_code is not null
        then 'Không công bố vì có thể suy ra số dưới 5 của một đơn vị'
    end as hidden_reason,
    rounded.sensitive_denominator
    and (rounded.numerator_told + 2.0) / (rounded.denominator_told - 2) - (rounded.numerator_told - 2.0) / (rounded.denominator_told + 2) > 0.2
      as imprecise
  from rounded
  left join bounds
    on rounded.indicator_code = bounds.indicator_code and rounded.item = bounds.item and rounded.month = bounds.month
  left join kind_bounds
    on rounded.indicator_code = kind_bounds.indicator_code
      and rounded.unit_code = kind_bounds.unit_code
      and rounded.month = kind_bounds.month
),

judged as (
  select
    *,
    coalesce(
      hidden_reason, case when imprecise then 'Số lượng quá ít: sau khi làm tròn, tỷ lệ có thể lệch quá 10 điểm' end
    ) as reason
  from told
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
    else {{ settled("factor * numerator_told / denominator_told") }}
  end as value,
  case
    when reason is not null then null
    when not sensitive then value
    when method = 'count' then factor * (numerator_told - 2)
    else {{ settled("factor * (numerator_told - 2.0) / (denominator_told + case when sensitive_denominator then 2 else 0 end)") }}
  end as value_least,
  case
    when reason is not null then null
    when not sensitive then value
    when method = 'count' then factor * (numerator_told + 2)
    else {{ settled("factor * (numerator_told + 2.0) / (denominator_told - case when sensitive_denominator then 2 else 0 end)") }}
  end as value_most,
  case when not sensitive or hidden_reason is null then numerator_told end as numerator,
  case when not sensitive or hidden_reason is null then denominator_told end as denominator,
  reason as withheld_reason
from judged
