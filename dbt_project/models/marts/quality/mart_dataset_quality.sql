-- Per dataset: what came, what was refused, how fresh it is. Counts of restricted datasets are told to the nearest five, and their
-- share is made of what is told: from yesterday's file to today's nobody can tell how many came.
with told as (
  select
    loads.dataset,
    loads.title,
    loads.owner,
    loads.schedule,
    loads.last_standing_load,
    loads.last_standing_at,
    contracts.secrecy = 'restricted' as restricted,
    case when contracts.secrecy = 'restricted' then {{ round_small("loads.received") }} else loads.received end as received,
    case when contracts.secrecy = 'restricted' then {{ round_small("loads.accepted") }} else loads.accepted end as accepted,
    case when contracts.secrecy = 'restricted' then {{ round_small("loads.quarantined") }} else loads.quarantined end as quarantined,
    loads.accepted_share_pct,
    loads.newest_event_at,
    loads.age_hours,
    loads.stale,
    loads.newest_rejected,
    loads.rejected_reason
  from {{ ref("int_dataset_quality") }} as loads
  left join {{ contracts() }} as contracts on loads.dataset = contracts.dataset
)

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
  case when restricted then least(100.0, 100.0 * accepted / received) else accepted_share_pct end as accepted_share_pct,
  newest_event_at,
  age_hours,
  stale,
  newest_rejected,
  rejected_reason
from told
