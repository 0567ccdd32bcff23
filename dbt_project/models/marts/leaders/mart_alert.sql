-- Open alerts of every theme in words, the most pressing first, with the snapshot that first told the figure and the
-- agency of the province that follows the theme.
with first_told as (
  select indicator_code, unit_code, period_start, min_by(snapshot_id, (published_at, _load_id)) as snapshot_id
  from {{ ref("stg_publish__vintages__versions") }}
  group by indicator_code, unit_code, period_start
)

select
  alerts.alert_id,
  alerts.unit_code,
  alerts.unit_name,
  alerts.level,
  alerts.theme,
  alerts.rule_code,
  alerts.kind,
  alerts.indicator_code,
  alerts.item,
  alerts.indicator_name,
  alerts.disease_code,
  alerts.disease_name,
  alerts.severity,
  alerts.severity_vi,
  alerts.severity_order,
  cast(row_number() over (order by alerts.severity_order, alerts.urgency, alerts.since desc, alerts.alert_id) as integer) as rank,
  alerts.title_vi,
  alerts.reason_vi,
  alerts.value,
  alerts.expected,
  alerts.measured_in,
  alerts.since,
  alerts.period_start,
  alerts.probability,
  alerts.opened_on,
  alerts.escalated_on,
  alerts.state,
  first_told.snapshot_id,
  agencies.agency_code,
  agencies.name_vi as agency
from {{ ref("int_alert_told") }} as alerts
left join first_told
  on alerts.indicator_code || case when alerts.item <> '' then ':' || alerts.item else '' end = first_told.indicator_code
    and alerts.unit_code = first_told.unit_code
    and alerts.last_breach = first_told.period_start
left join {{ ref("theme_agencies") }} as helpers on alerts.theme = helpers.theme
left join {{ ref("dim_agency") }} as agencies on helpers.agency_code = agencies.agency_code
where alerts.state <> 'closed'
