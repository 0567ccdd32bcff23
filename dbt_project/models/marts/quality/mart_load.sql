select
  load_id,
  dataset,
  title,
  day,
  status,
  standing,
  coalesce(rejected_reason, array_to_string(cast(json(reasons) as varchar[]), '; ')) as reasons,
  received,
  accepted,
  quarantined,
  reason_counts,
  drift,
  {{ local_time("finished_at") }} as finished_at,
  code_version
from {{ ledger_index() }}
