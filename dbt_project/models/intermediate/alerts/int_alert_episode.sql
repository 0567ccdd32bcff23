-- The life of every alert, from the history of figures alone: an episode opens when a rule is breached as many known periods
-- running as it says, escalates when breaches add up, and closes after as many periods without. A period that is not known
-- neither goes on nor ends anything.
with rules as (select * from {{ ref("int_alert_rule") }}),

known as (
  select
    breaches.*,
    rules.open_after,
    rules.escalate_after,
    rules.close_after,
    case when breaches.breach then 1 else 0 end as breached,
    row_number() over (
      partition by breaches.rule_code, breaches.indicator_code, breaches.item, breaches.unit_code order by breaches.period_start
    ) as nth
  from {{ ref("int_alert_breach") }} as breaches
  inner join rules on breaches.rule_code = rules.rule_code
  where breaches.breach is not null
),

turned as (
  select
    known.*,
    coalesce(max(case when breached = 0 then nth end) over places, 0) as last_clean,
    coalesce(max(case when breached = 1 then nth end) over places, 0) as last_breach
  from known
  window places as (
    partition by rule_code, indicator_code, item, unit_code
    order by nth rows between unbounded preceding and current row
  )
),

-- an era ends where as many clean periods running as the rule asks for are full
eras as (
  select
    turned.*,
    breached = 1 and nth - last_clean >= open_after as opens,
    sum(case when breached = 0 and nth - last_breach = close_after then 1 else 0 end) over (
      partition by rule_code, indicator_code, item, unit_code
      order by nth rows between unbounded preceding and current row
    ) as era
  from turned
),

opened as (
  select
    rule_code,
    indicator_code,
    item,
    unit_code,
    era,
    min(nth) as opened_nth,
    min(nth) - min(open_after) + 1 as first_nth,
    min(known_on) as opened_on
  from eras
  where opens
  group by rule_code, indicator_code, item, unit_code, era
),

counted as (
  select
    eras.*,
    opened.opened_on,
    opened.first_nth,
    opened.opened_nth,
    sum(eras.breached) over (
      partition by eras.rule_code, eras.indicator_code, eras.item, eras.unit_code, eras.era order by eras.nth
    ) as breaches
  from eras
  inner join opened
    on eras.rule_code = opened.rule_code
      and eras.indicator_code = opened.indicator_code
      and eras.item = opened.item
      and eras.unit_code = opened.unit_code
      and eras.era = opened.era
      and eras.nth >= opened.first_nth
),

closed as (
  select rule_code, indicator_code, item, unit_code, era, min(known_on) as closed_on
  from eras
  group by rule_code, indicator_code, item, unit_code, era
),

lives as (
  select
    rule_code,
    indicator_code,
    item,
    unit_code,
    era,
    min(period_start) as since,
    min(opened_on) as opened_on,
    min(case when breaches >= escalate_after and nth >= opened_nth then known_on end) as escalated_on,
    max(case when breached = 1 then period_start end) as last_breach,
    cast(sum(breached) as integer) as breaches
  from counted
  group by rule_code, indicator_code, item, unit_code, era
),

-- the newest period that was judged, known or not: it may be later than the last breach
newest as (
  select
    rule_code,
    indicator_code,
    item,
    unit_code,
    period_start,
    breach,
    value,
    row_number() over (partition by rule_code, indicator_code, item, unit_code order by period_start desc) as nth
  from {{ ref("int_alert_breach") }}
)

select
  lives.unit_code || '-' || lives.rule_code || case when lives.item <> '' then '-' || lives.item else '' end
    || '-' || strftime(lives.since, '%Y%m%d') as alert_id,
  lives.rule_code,
  lives.indicator_code,
  lives.item,
  lives.unit_code,
  lives.since,
  lives.opened_on,
  lives.escalated_on,
  closed.closed_on,
  lives.last_breach,
  lives.breaches,
  evidence.value,
  evidence.expected,
  newest.period_start as newest_period,
  newest.breach as newest_breach,
  newest.value as newest_value
from lives
inner join known as evidence
  on lives.rule_code = evidence.rule_code
    and lives.indicator_code = evidence.indicator_code
    and lives.item = evidence.item
    and lives.unit_code = evidence.unit_code
    and lives.last_breach = evidence.period_start
inner join newest
  on lives.rule_code = newest.rule_code
    and lives.indicator_code = newest.indicator_code
    and lives.item = newest.item
    and lives.unit_code = newest.unit_code
    and newest.nth = 1
left join closed
  on lives.rule_code = closed.rule_code
    and lives.indicator_code = closed.indicator_code
    and lives.item = closed.item
    and lives.unit_code = closed.unit_code
    and closed.era = lives.era + 1
