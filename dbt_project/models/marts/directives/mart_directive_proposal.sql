-- For each open alert of a commune what leaders may direct that commune to do: which figure, from where, to where, until when.
-- A proposal is named by its alert, the alert's severity and the month of its figures. What was declined does not come back
-- until the alert is more severe, by another alert about the same figure neither; what was sent or assigned stays as it was sent.
-- A unit is asked once for the same figure: what another proposal or a running directive asks of it already is covered by that.
with terms as (
  select
    max(case when rule = 'working_days_alarm' then cast(value as integer) end) as alarm,
    max(case when rule = 'working_days_warning' then cast(value as integer) end) as warning,
    max(case when rule = 'working_days_watch' then cast(value as integer) end) as watch
  from {{ ref("directive_rules") }}
),

month_end as (
  select cast(date_trunc('month', today) + interval '1 month' - interval '1 day' as date) as day from {{ ref("int_moment") }}
),

-- one look-up a severity
deadlines as (
  select 'alarm' as severity, {{ add_working_days("month_end.day", "terms.alarm") }} as due_on from month_end cross join terms
  union all
  select 'warning', {{ add_working_days("month_end.day", "terms.warning") }} from month_end cross join terms
  union all
  select 'watch', {{ add_working_days("month_end.day", "terms.watch") }} from month_end cross join terms
),

answers as (
  select
    split_part(proposal_id, ':', 1) as alert_id,
    proposal_id,
    case when status = 'declined' then 'declined' else 'assigned' end as state,
    decline_reason,
    target_value as target,
    due_on,
    status,
    {{ severity_order("split_part(proposal_id, ':', 2)") }} as severity_order,
    row_number() over (
      partition by split_part(proposal_id, ':', 1) order by updated_at desc, task_id desc
    ) as newest
  from {{ ref("stg_directives__tasks") }}
  where proposal_id is not null
),

sent as (
  select
    split_part(proposal_id, ':', 1) as alert_id,
    proposal_id,
    baseline,
    target,
    due_on,
    row_number() over (partition by split_part(proposal_id, ':', 1) order by sent_at desc, proposal_id desc) as newest
  from {{ ref("stg_directives__outbox") }}
  where state = 'sent'
    and proposal_id not in (select proposal_id from {{ ref("stg_directives__tasks") }} where proposal_id is not null)
),

-- what the rule wants moved, or the alert's own figure where the commune has none to tell of the other
wanted as (
  select
    alerts.*,
    alerts.indicator_code as alert_indicator,
    rules.ask_vi,
    rules.directed_indicator as wanted_indicator,
    case when rules.kind = 'disease' then alerts.item else '' end as wanted_item,
    1 as choice
  from {{ ref("int_alert_told") }} as alerts
  inner join {{ ref("int_alert_rule") }} as rules on alerts.rule_code = rules.rule_code
  where alerts.state <> 'closed' and alerts.level = 'commune' and rules.directed_indicator is not null
  union all
  select
    alerts.*,
    alerts.indicator_code,
    'Làm rõ nguyên nhân và đưa về mức của đơn vị tương đồng: ' || alerts.indicator_name,
    alerts.indicator_code,
    case when alerts.rule_kind = 'sudden_change' then alerts.item else '' end,  -- the item of a cluster is its topic
    2
  from {{ ref("int_alert_told") }} as alerts
  where alerts.state <> 'closed'
    and alerts.level = 'commune'
    and alerts.rule_kind in ('sudden_change', 'petition_cluster', 'incident_cluster')
),

candidates as (
  select
    wanted.alert_id,
    wanted.unit_code,
    wanted.unit_name,
    wanted.severity,
    wanted.severity_order,
    wanted.reason_vi as alert_reason,
    wanted.alert_indicator,
    wanted.ask_vi,
    goals.indicator_code,
    goals.item,
    goals.month as baseline_month,
    goals.baseline,
    goals.hidden,
    goals.sensitive,
    goals.better_peers,
    goals.registry_target,
    goals.target,
    goals.gap_closed_pct,
    row_number() over (partition by wanted.alert_id order by wanted.choice) as nth
  from wanted
  inner join {{ ref("int_directive_goal") }} as goals
    on wanted.wanted_indicator = goals.indicator_code
      and wanted.wanted_item = goals.item
      and wanted.unit_code = goals.unit_code
  where goals.target is not null
),

asked as (
  select
    candidates.*,
    agencies.agency_code,
    agencies.name_vi as agency,
    registry.name_vi as indicator_name,
    registry.unit as measured_in,
    registry.decimals,
    registry.legal_source as legal_basis,
    deadlines.due_on
  from candidates
  inner join {{ ref("dim_indicator") }} as registry
    on candidates.indicator_code = registry.indicator_code
      and candidates.baseline_month >= registry.effective_from
      and (registry.effective_to is null or candidates.baseline_month < registry.effective_to)
  inner join {{ ref("theme_agencies") }} as helpers on registry.theme = helpers.theme
  inner join {{ ref("dim_agency") }} as agencies on helpers.agency_code = agencies.agency_code
  inner join deadlines on candidates.severity = deadlines.severity
  where candidates.nth = 1
),

answered as (
  select
    asked.*,
    case
      when answers.state = 'declined' and asked.severity_order >= answers.severity_order then 'declined'
      when answers.state = 'assigned' and answers.status <> 'done' then 'assigned'
      when sent.proposal_id is not null then 'sent'
      else 'open'
    end as state,
    answers.proposal_id as answered_id,
    answers.target as answered_target,
    answers.due_on as answered_due_on,
    answers.decline_reason,
    answers.severity_order as answered_severity_order,
    sent.proposal_id as sent_id,
    sent.baseline as sent_baseline,
    sent.target as sent_target,
    sent.due_on as sent_due_on
  from asked
  left join answers on asked.alert_id = answers.alert_id and answers.newest = 1
  left join sent on asked.alert_id = sent.alert_id and sent.newest = 1
),

running as (
  select tasks.unit_code, tasks.indicator_code, effects.item, min(tasks.task_id) as task_id
  from {{ ref("int_directive") }} as tasks
  inner join {{ ref("int_directive_effect") }} as effects on tasks.task_id = effects.task_id
  where tasks.status <> 'done'
  group by tasks.unit_code, tasks.indicator_code, effects.item
),

settled as (
  select
    *,
    case
      when state in ('declined', 'assigned') then answered_id
      when state = 'sent' then sent_id
      else alert_id || ':' || severity || ':' || strftime(baseline_month, '%Y%m')
    end as proposal_id,
    case
      when state in ('declined', 'assigned') then answered_target when state = 'sent' then sent_target else target
    end as asked_target,
    case
      when state in ('declined', 'assigned') then answered_due_on when state = 'sent' then sent_due_on else due_on
    end as asked_due_on
  from answered
),

placed as (
  select
    settled.*,
    running.task_id as running_task,
    first_value(settled.proposal_id) over (
      partition by settled.unit_code, settled.indicator_code, settled.item
      order by
        case settled.state when 'assigned' then 1 when 'sent' then 2 when 'open' then 3 else 4 end,
        settled.severity_order,
        settled.alert_id
    ) as first_proposal,
    min(case when settled.state = 'declined' then settled.answered_severity_order end) over same_figure as declined_severity_order,
    min(case when settled.state = 'declined' then settled.proposal_id end) over same_figure as declined_proposal
  from settled
  left join running
    on settled.unit_code = running.unit_code
      and settled.indicator_code = running.indicator_code
      and settled.item = running.item
  window same_figure as (partition by settled.unit_code, settled.indicator_code, settled.item)
),

covered as (
  select
    placed.*,
    case
      when state = 'open' and running_task is not null then running_task
      when state = 'open' and severity_order >= declined_severity_order then declined_proposal
      when state = 'open' and first_proposal <> proposal_id then first_proposal
    end as covered_by
  from placed
),

told as (
  select covered.*, case when covered_by is not null then 'covered' else state end as told_state
  from covered
)

select
  proposal_id,
  alert_id,
  unit_code,
  unit_name,
  agency_code,
  agency,
  indicator_code,
  item,
  indicator_name,
  measured_in,
  baseline_month,
  baseline,
  asked_target as target,
  asked_due_on as due_on,
  legal_basis,
  severity,
  ask_vi || ' tại ' || unit_name as title_vi,
  alert_reason
    || case
      when indicator_code = alert_indicator then ''
      when hidden then '. ' || indicator_name || ' tháng ' || strftime(baseline_month, '%m/%Y') || ': dưới mức công bố'
      else '. ' || indicator_name || ' tháng ' || strftime(baseline_month, '%m/%Y') || ': '
        || {{ number_vi("baseline", "decimals") }} || ' ' || measured_in
    end
    || case
      when sensitive then ''
      else coalesce('; một phần tư đơn vị tương đồng tốt nhất đạt từ ' || {{ number_vi("better_peers", "decimals") }}, '')
        || coalesce('; chỉ tiêu của tỉnh ' || {{ number_vi("registry_target", "decimals") }}, '')
    end
    || '. Hỗ trợ: ' || agency as reason_vi,
  round(gap_closed_pct, 2) as gap_closed_pct,
  cast(
    case when told_state = 'open' then row_number() over (
      partition by case when told_state = 'open' then 1 else 0 end order by gap_closed_pct desc nulls last, severity_order, alert_id
    ) end as integer
  ) as rank,
  told_state as state,
  covered_by,
  case when state = 'declined' then decline_reason end as decline_reason
from told
