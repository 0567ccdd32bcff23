-- Every load and its verdict. Of restricted datasets no count is told: how many came in a day would tell by how much a rounded
-- figure moved since yesterday, and so what it was.
select
  loads.load_id,
  loads.dataset,
  loads.title,
  loads.day,
  loads.status,
  loads.standing,
  coalesce(loads.rejected_reason, array_to_string(cast(json(loads.reasons) as varchar[]), '; ')) as reasons,
  case when contracts.secrecy = 'restricted' then null else loads.received end as received,
  case when contracts.secrecy = 'restricted' then null else loads.accepted end as accepted,
  case when contracts.secrecy = 'restricted' then null else loads.quarantined end as quarantined,
  case when contracts.secrecy = 'restricted' then null else loads.reason_counts end as reason_counts,
  loads.drift,
  {{ local_time("loads.finished_at") }} as finished_at,
  loads.code_version
from {{ ledger_index() }} as loads
left join {{ contracts() }} as contracts on loads.dataset = contracts.dataset
