-- The support roadmap: where a commune that needs it lies behind its peers, what is to be done and why, which value is to be reached
-- after 3, 6 and 12 months, and how far it has come. The aim is the peers' middle of the beginning: it does not move away.
with rules as (
  select
    indicator_code,
    measure_code,
    measure_vi,
    reason_vi,
    cast(least_gap as double) as least_gap,
    cast(share_3 as double) as share_3,
    cast(share_6 as double) as share_6,
    cast(share_12 as double) as share_12
  from {{ ref("support_rules") }}
),

figures as (
  select * from {{ ref("int_commune_figure") }} where indicator_code in (select indicator_code from rules)
),

peers as (
  select
    peer_group,
    indicator_code,
    period_start,
    min(indicator_name) as indicator_name,
    min(unit) as unit,
    min(direction) as direction,
    {{ median_of("value") }} as peer_median
  from figures
  group by peer_group, indicator_code, period_start
),

-- from the first month known since the roadmap began; where none is, the month it began in
starts as (
  select
    units.unit_code,
    units.unit_name,
    units.peer_group,
    units.month_now,
    units.start_month,
    units.why_vi,
    rules.indicator_code,
    coalesce(min(case when figures.value is not null then figures.period_start end), units.start_month) as baseline_month
  from {{ ref("int_support_unit") }} as units
  cross join rules
  left join figures
    on units.unit_code = figures.unit_code
      and rules.indicator_code = figures.indicator_code
      and figures.period_start between units.start_month and units.month_now
  group by
    units.unit_code, units.unit_name, units.peer_group, units.month_now, units.start_month, units.why_vi, rules.indicator_code
),

measured as (
  select
    starts.*,
    rules.measure_code,
    rules.measure_vi,
    rules.reason_vi,
    rules.least_gap,
    rules.share_3,
    rules.share_6,
    rules.share_12,
    peers.indicator_name,
    peers.unit,
    peers.peer_median,
    baseline.value as baseline_value,
    current_figure.value as value_now,
    case when peers.direction = 'lower' then baseline.value - peers.peer_median else peers.peer_median - baseline.value end as gap,
    12 * (extract(year from starts.month_now) - extract(year from starts.baseline_month))
    + extract(month from starts.month_now) - extract(month from starts.baseline_month) as months_since
  from starts
  inner join rules on starts.indicator_code = rules.indicator_code
  -- what no peer is known to have is no gap
  inner join peers
    on starts.peer_group = peers.peer_group
      and starts.indicator_code = peers.indicator_code
      and starts.baseline_month = peers.period_start
      and peers.peer_median is not null
  left join figures as baseline
    on starts.unit_code = baseline.unit_code
      and starts.indicator_code = baseline.indicator_code
      and starts.baseline_month = baseline.period_start
  left join figures as current_figure
    on starts.unit_code = current_figure.unit_code
      and starts.indicator_code = current_figure.indicator_code
      and starts.month_now = current_figure.period_start
),

progressed as (
  select
    *,
    100.0 * (value_now - baseline_value) / nullif(peer_median - baseline_value, 0) as progress,
    case
      when months_since >= 12 then share_12
      when months_since >= 6 then share_6
      when months_since >= 3 then share_3
    end as due_share
  from measured
  where gap >= least_gap or baseline_value is null
)

select
  unit_code,
  unit_name,
  peer_group,
  why_vi,
  start_month,
  indicator_code,
  indicator_name,
  unit,
  measure_code,
  measure_vi,
  baseline_month,
  baseline_value,
  peer_median,
  gap,
  case
    when baseline_value is null then 'Chưa có số liệu của xã, trong khi các xã cùng nhóm ở mức ' || {{ vietnamese_number("peer_median") }}
      || ' ' || unit || ': trước hết phải gửi số liệu'
    else reason_vi || ': ' || {{ vietnamese_number("baseline_value") }} || ' ' || unit || ' so với '
      || {{ vietnamese_number("peer_median") }} || ' ' || unit || ' (trung vị của nhóm)'
  end as reason_vi,
  cast(baseline_month + interval '3' month as date) as milestone_3_month,
  baseline_value + share_3 / 100.0 * (peer_median - baseline_value) as milestone_3_value,
  cast(baseline_month + interval '6' month as date) as milestone_6_month,
  baseline_value + share_6 / 100.0 * (peer_median - baseline_value) as milestone_6_value,
  cast(baseline_month + interval '12' month as date) as milestone_12_month,
  baseline_value + share_12 / 100.0 * (peer_median - baseline_value) as milestone_12_value,
  month_now as current_month,
  value_now as current_value,
  progress as progress_pct,
  due_share as due_progress_pct,
  case
    when baseline_value is null or value_now is null then 'chưa đủ dữ liệu'
    when progress >= 100 then 'đã bằng mức nhóm'
    when due_share is null then 'chưa đến mốc đầu'
    when progress >= due_share then 'đúng lộ trình'
    when progress <= 0 then 'không tiến triển'
    else 'chậm lộ trình'
  end as status
from progressed
