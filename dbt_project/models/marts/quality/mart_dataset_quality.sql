select
  dataset,
  title,
  owner,
  schedule,
  last_standing_load,
  last_standing_at,
  received,
  accepted,
  quarantined,
  accepted_share_pct,
  newest_event_at,
  age_hours,
  stale,
  newest_rejected,
  rejected_reason
from {{ ref("int_dataset_quality") }}
