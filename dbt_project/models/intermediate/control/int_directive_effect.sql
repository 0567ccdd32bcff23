-- Whether the figure that a directive named has moved: the mean of the complete months before and after, against peers of the
-- same group that had no directive on it in those months (difference in differences, 90 % interval), or why it cannot be told.
-- Figures are those that leaders may know: of sensitive ones the rounded, or none. A figure that adds up over a year towards a plan
-- reaches any share of it some day: of such ones the last month that ends by the due date tells whether the target was reached.
with rules as (
  select
    max(case when rule = 'months_before' then cast(value as integer) end) as months_before,
    max(case when rule = 'months_after' then cast(value as integer) end) as months_after,
    max(case when rule = 'fewest_months_before' then cast(value as integer) end) as fewest_months_before,
    max(case when rule = 'fewest_peers' then cast(value as integer) end) as fewest_peers
  from {{ ref("directive_rules") }}
),

registry as (
  select indicator_code, bool_or(by_item) as by_item, min(direction) as direction, bool_or(sensitive) as sensitive
  from {{ ref("dim_indicator") }}
  group by indicator_code
),

figures as (
  select base_code as indicator_code, item, unit_code, peer_group, period_start as month, value
  from {{ ref("mart_indicator") }}
  where complete and value is not null and base_code in (select indicator_code from {{ ref("int_directive") }})
),

adding_up as (select distinct indicator_code from {{ ref("dim_target") }} where month_of_year is not null),

newest as (select max(period_start) as month from {{ ref("mart_indicator") }} where complete),

-- of what a proposal was made for: which kind of the figure
items as (
  select tasks.task_id, coalesce(max(alerts.item), '') as item
  from {{ ref("int_directive") }} as tasks
  left join {{ ref("int_alert_episode") }} as alerts
    on split_part(tasks.proposal_id, ':', 1) = alerts.alert_id and alerts.rule_code not like 'missing%'
  group by tasks.task_id
),

tasks as (
  select
    directives.task_id,
    directives.unit_code,
    directives.indicator_code,
    directives.target_value,
    case when registry.by_item then items.item else '' end as item,
    registry.by_item,
    registry.direction,
    registry.indicator_code is not null as known_indicator,
    adding_up.indicator_code is not null as adds_up,
    directives.due_on,
    cast(date_trunc('month', directives.assigned_on) as date) as assigned_month,
    cast(date_trunc('month', directives.assigned_on) - rules.months_before * interval '1 month' as date) as first_month,
    -- what was done early is watched for some months all the same
    least(newest.month, greatest(
      coalesce(cast(date_trunc('month', directives.done_on) as date), newest.month),
      cast(date_trunc('month', directives.assigned_on) + rules.months_after * interval '1 month' as date)
    )) as last_month,
    rules.months_before,
    rules.fewest_months_before,
    rules.fewest_peers,
    peers.peer_group
  from {{ ref("int_directive") }} as directives
  inner join items on directives.task_id = items.task_id
  cross join rules
  cross join newest
  left join registry on directives.indicator_code = registry.indicator_code
  left join adding_up on directives.indicator_code = adding_up.indicator_code
  left join {{ ref("int_peer_group") }} as peers on directives.unit_code = peers.unit_code
),

own_figures as (
  select
    tasks.task_id,
    figures.month,
    figures.month < tasks.assigned_month as before,
    figures.value,
    case when tasks.direction = 'lower' then figures.value <= tasks.target_value else figures.value >= tasks.target_value end as reached,
    case
      when not tasks.adds_up then true
      when figures.month < tasks.assigned_month then extract(year from figures.month) = extract(year from tasks.assigned_month)
      else cast(figures.month + interval '1' month as date) <= cast(tasks.due_on + interval '1' day as date)
    end as judged
  from tasks
  inner join figures
    on tasks.indicator_code = figures.indicator_code
      and tasks.item = figures.item
      and tasks.unit_code = figures.unit_code
      and figures.month between tasks.first_month and tasks.last_month
      and figures.month <> tasks.assigned_month
),

own as (
  select
    task_id,
    avg(case when before then value end) as before_value,
    count(case when before then value end) as before_months,
    avg(case when not before then value end) as after_value,
    count(case when not before then value end) as after_months,
    max(case when not before then month end) as latest_month,
    max_by(case when before and judged then reached end, case when before and judged then month end) as reached_before,
    max_by(case when not before and judged then reached end, case when not before and judged then month end) as reached
  from own_figures
  group by task_id
),

latest as (
  select own.task_id, own_figures.value as latest_value
  from own
  inner join own_figures on own.task_id = own_figures.task_id and own.latest_month = own_figures.month
),

-- peers that were themselves directed on the same figure within these months say nothing of what would have been
directed as (
  select distinct tasks.task_id, others.unit_code
  from tasks
  inner join tasks as others
    on tasks.indicator_code = others.indicator_code
      and tasks.peer_group = others.peer_group
      and others.assigned_month <= tasks.last_month
      and others.last_month >= tasks.first_month
),

-- in the months that the unit has a figure of, or the comparison would be one of seasons
peer_changes as (
  select
    tasks.task_id,
    figures.unit_code,
    avg(case when not own_figures.before then figures.value end)
    - avg(case when own_figures.before then figures.value end) as change,
    count(*) as months
  from tasks
  inner join own_figures on tasks.task_id = own_figures.task_id
  inner join figures
    on tasks.indicator_code = figures.indicator_code
      and tasks.item = figures.item
      and tasks.peer_group = figures.peer_group
      and tasks.unit_code <> figures.unit_code
      and own_figures.month = figures.month
  left join directed on tasks.task_id = directed.task_id and figures.unit_code = directed.unit_code
  where directed.unit_code is null
  group by tasks.task_id, figures.unit_code
),

-- all of them
matched as (
  select peer_changes.task_id, count(*) as peers, avg(peer_changes.change) as peer_change, stddev_samp(peer_changes.change) as sd
  from peer_changes
  inner join own
    on peer_changes.task_id = own.task_id
      and peer_changes.months = own.before_months + own.after_months
  where peer_changes.change is not null
  group by peer_changes.task_id
),

quantiles as (
  select matched.task_id, min(cast(quantiles.quantile as double)) as t
  from matched
  inner join {{ ref("t_quantiles") }} as quantiles on cast(quantiles.degrees as integer) <= matched.peers - 1
  group by matched.task_id
),

measured as (
  select
    tasks.*,
    own.before_value,
    coalesce(own.before_months, 0) as before_told,
    own.after_value,
    coalesce(own.after_months, 0) as after_told,
    latest.latest_value,
    own.reached_before,
    own.reached,
    coalesce(matched.peers, 0) as peers,
    matched.peer_change,
    own.after_value - own.before_value as own_change,
    own.after_value - own.before_value - matched.peer_change as effect,
    quantiles.t * matched.sd * sqrt(1 + 1.0 / matched.peers) as half_width,
    newest.month as newest_month
  from tasks
  cross join newest
  left join own on tasks.task_id = own.task_id
  left join latest on tasks.task_id = latest.task_id
  left join matched on tasks.task_id = matched.task_id
  left join quantiles on tasks.task_id = quantiles.task_id
),

judged as (
  select
    *,
    case
      when not known_indicator then 'Chỉ tiêu không có trong danh mục chỉ tiêu'
      when by_item and item = '' then 'Chỉ tiêu gồm nhiều loại mà nhiệm vụ không nêu loại nào'
      when newest_month <= assigned_month then 'Còn sớm: chưa có tháng trọn vẹn nào sau khi giao'
      when before_told < fewest_months_before
        then 'Trước khi giao chỉ có ' || cast(before_told as varchar) || '/' || cast(months_before as varchar)
          || ' tháng có số liệu được công bố'
      when after_told < 1 then 'Sau khi giao chưa có tháng nào có số liệu được công bố'
      when peers < fewest_peers
        then 'Chỉ có ' || cast(peers as varchar) || ' đơn vị tương đồng không bị giao cùng chỉ tiêu, cần ít nhất '
          || cast(fewest_peers as varchar)
    end as unknown_reason
  from measured
)

select
  task_id,
  item,
  direction,
  round(before_value, 6) as before_value,
  round(after_value, 6) as after_value,
  after_told as after_months,
  latest_value,
  case when direction <> 'none' then reached end as target_reached,
  case when direction <> 'none' then reached_before end as reached_before,
  round(own_change, 6) as own_change,
  case when unknown_reason is null then round(peer_change, 6) end as peer_change,
  peers,
  case when unknown_reason is null then round(effect, 6) end as effect,
  case when unknown_reason is null then round(effect - half_width, 6) end as effect_low,
  case when unknown_reason is null then round(effect + half_width, 6) end as effect_high,
  case
    when unknown_reason is not null then null
    when direction = 'lower' then effect + half_width < 0
    else effect - half_width > 0
  end as effective,
  case
    when unknown_reason is not null then null
    when direction = 'lower' then effect - half_width > 0
    else effect + half_width < 0
  end as worse,
  unknown_reason
from judged
