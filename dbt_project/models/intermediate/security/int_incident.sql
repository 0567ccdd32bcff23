-- Incidents as known at the last local midnight, by the local hour in which they happened. Night is from 22 to 5 o'clock.
select
  incident_id,
  category,
  commune_code,
  cast(date_trunc('week', occurred_at) as date) as week_start,
  cast(date_trunc('month', occurred_at) as date) as month,
  case
    when extract(hour from occurred_at) < 5 or extract(hour from occurred_at) >= 22 then 'night'
    when extract(hour from occurred_at) < 12 then 'morning'
    when extract(hour from occurred_at) < 18 then 'afternoon'
    else 'evening'
  end as hour_band,
  status in ('resolved', 'transferred') as closed
from (
  select incident_id, category, commune_code, status, {{ local_time("occurred_at") }} as occurred_at
  from (
    {{ known_by_midnight(
      "security.incidents", ["incident_id"], "updated_at",
      ["incident_id", "category", "commune_code", "occurred_at", "status"]
    ) }}
  ) as known
) as incidents
