-- What was to be expected of a unit in a month, and how far its figure lies from it.
--
-- A figure is seen relative to the median of the peer group in the same month (counts: as a multiple of it; others: as a
-- distance), so that what all peers share is no news. Usual is the median of the unit's own past twelve months, at least six;
-- where the same month of last year is known, the nearer of the two is expected. The spread is 1.4826 × the median absolute
-- deviation of that past, at least the rule's floor and, of counts, what chance alone makes of a count of that size.
with rules as (select * from {{ ref("int_alert_rule") }} where kind = 'sudden_change'),

figures as (
  select rules.rule_code, rules.spread_floor, figures.*
  from {{ ref("int_alert_figure") }} as figures
  inner join rules
    on figures.indicator_code = rules.indicator_code
      and figures.level = rules.level
      and figures.month >= rules.effective_from
      and (rules.effective_to is null or figures.month < rules.effective_to)
  where figures.complete
),

peers as (
  select rule_code, indicator_code, item, peer_group, month, {{ quantile("value", 0.5) }} as peer_value, count(value) as known
  from figures
  where peer_group is not null
  group by rule_code, indicator_code, item, peer_group, month
),

-- too few peers tell nothing of a common movement: then the unit is compared with its own past alone
scaled as (
  select
    figures.*,
    figures.method = 'count' as counted,
    case
      when peers.known >= 5 and figures.method = 'count' then greatest(peers.peer_value, 1.0)
      when peers.known >= 5 then peers.peer_value
      when figures.method = 'count' then 1.0
      else 0.0
    end as base
  from figures
  left join peers
    on figures.rule_code = peers.rule_code
      and figures.item = peers.item
      and figures.peer_group = peers.peer_group
      and figures.month = peers.month
),

relative as (
  select scaled.*, case when counted then value / base else value - base end as relative from scaled
),

past as (
  select
    now.rule_code,
    now.item,
    now.unit_code,
    now.month,
    before.relative,
    before.month = now.month - interval '12' month as year_before
  from relative as now
  inner join relative as before
    on now.rule_code = before.rule_code
      and now.item = before.item
      and now.unit_code = before.unit_code
      and before.month >= now.month - interval '12' month
      and before.month < now.month
      and before.relative is not null
),

usual as (
  select
    rule_code,
    item,
    unit_code,
    month,
    count(*) as periods,
    {{ quantile("relative", 0.5) }} as usual,
    max(case when year_before then relative end) as year_before
  from past
  group by rule_code, item, unit_code, month
),

deviations as (
  select
    past.rule_code,
    past.item,
    past.unit_code,
    past.month,
    {{ quantile("abs(past.relative - usual.usual)", 0.5) }} as mad
  from past
  inner join usual
    on past.rule_code = usual.rule_code
      and past.item = usual.item
      and past.unit_code = usual.unit_code
      and past.month = usual.month
  group by past.rule_code, past.item, past.unit_code, past.month
),

expected as (
  select
    relative.*,
    usual.periods,
    case
      when usual.year_before is null then usual.usual
      when relative.relative >= greatest(usual.usual, usual.year_before) then greatest(usual.usual, usual.year_before)
      when relative.relative <= least(usual.usual, usual.year_before) then least(usual.usual, usual.year_before)
      else relative.relative
    end as expected_relative,
    greatest(
      1.4826 * deviations.mad,
      case when relative.counted then relative.spread_floor / 100.0 * usual.usual else relative.spread_floor end,
      case when relative.counted then sqrt(greatest(usual.usual, 0) * relative.base) / relative.base else 0 end
    ) as spread
  from relative
  inner join usual
    on relative.rule_code = usual.rule_code
      and relative.item = usual.item
      and relative.unit_code = usual.unit_code
      and relative.month = usual.month
  inner join deviations
    on relative.rule_code = deviations.rule_code
      and relative.item = deviations.item
      and relative.unit_code = deviations.unit_code
      and relative.month = deviations.month
  where usual.periods >= 6
)

select
  rule_code,
  indicator_code,
  item,
  unit_code,
  month,
  value,
  told_value,
  periods,
  case when counted then expected_relative * base else expected_relative + base end as expected,
  case when counted then spread * base else spread end as spread,
  (relative - expected_relative) / nullif(spread, 0) as deviation
from expected
