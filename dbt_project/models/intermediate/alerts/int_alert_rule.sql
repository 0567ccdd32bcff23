-- The rules of alerts as typed data; thresholds and sentences are parameters of the province.
{{ config(materialized="view") }}
select
  rule_code,
  kind,
  indicator_code,
  dataset,
  level,
  side,
  cast(threshold as double) as threshold,
  cast(worst_pct as double) as worst_pct,
  cast(min_change as double) as min_change,
  cast(spread_floor as double) as spread_floor,
  cast(open_after as integer) as open_after,
  cast(escalate_after as integer) as escalate_after,
  cast(close_after as integer) as close_after,
  severity,
  coalesce(severity_escalated, severity) as severity_escalated,
  cast(urgency as integer) as urgency,
  directed_indicator,
  ask_vi,
  name_vi,
  sentence_vi,
  cast(effective_from as date) as effective_from,
  cast(effective_to as date) as effective_to
from {{ ref("alert_rules") }}
