-- Per dataset: what came, what was refused, how fresh it is, and whether its newest load was rejected.
with loads as (
  select
    *,
    cast(json_extract_string(profile, '$.newest_event') as timestamp with time zone) as newest_event,
    row_number() over (partition by dataset order by load_id desc) as from_newest
  from {{ ledger_index() }}
),

moment as (select coalesce(max(as_of), current_timestamp) as as_of from loads),

counted as (
  select
    contracts.dataset,
    contracts.title,
    contracts.owner,
    contracts.schedule,
    contracts.stale_after_hours,
    max(loads.load_id) filter (where loads.standing) as last_standing_load,
    max(loads.finished_at) filter (where loads.standing) as last_standing_at,
    coalesce(sum(loads.received) filter (where loads.standing), 0) as received,
    coalesce(sum(loads.accepted) filter (where loads.standing), 0) as accepted,
    coalesce(sum(loads.quarantined) filter (where loads.standing), 0) as quarantined,
    max(loads.newest_event) filter (where loads.standing) as newest_event,
    coalesce(bool_or(not loads.standing) filter (where loads.from_newest = 1), false) as newest_rejected,
    max(coalesce(loads.rejected_reason, loads.reasons)) filter (where loads.from_newest = 1 and not loads.standing)
      as rejected_reason
  from {{ contracts() }} as contracts
  left join loads on contracts.dataset = loads.dataset
  group by contracts.dataset, contracts.title, contracts.owner, contracts.schedule, contracts.stale_after_hours
)

select
  counted.dataset,
  counted.title,
  counted.owner,
  counted.schedule,
  counted.stale_after_hours,
  counted.last_standing_load,
  {{ local_time("counted.last_standing_at") }} as last_standing_at,
  cast(counted.received as bigint) as received,
  cast(counted.accepted as bigint) as accepted,
  cast(counted.quarantined as bigint) as quarantined,
  case when counted.received > 0 then 100.0 * counted.accepted / counted.received end as accepted_share_pct,
  {{ local_time("counted.newest_event") }} as newest_event_at,
  {{ hours_between("counted.newest_event", "moment.as_of") }} as age_hours,
  coalesce({{ hours_between("counted.newest_event", "moment.as_of") }} > counted.stale_after_hours, false) as stale,
  counted.newest_rejected,
  counted.rejected_reason
from counted
cross join moment
