-- Petitions as known at the last local midnight, with local days. Those withdrawn stay in: they were received.
-- Repeated: the same sender wrote about the same commune within the 180 days before.
select
  petition_id,
  petition_kind,
  commune_code,
  sender_pseudonym,
  cast({{ local_time("received_at") }} as date) as received_on,
  due_on,
  cast({{ local_time("resolved_at") }} as date) as resolved_on,
  cast({{ local_time("withdrawn_at") }} as date) as withdrawn_on,
  rating,
  coalesce(
    cast({{ local_time("received_at") }} as date) <= lag(cast({{ local_time("received_at") }} as date)) over (
      partition by commune_code, sender_pseudonym order by received_at, petition_id
    ) + interval '180' day,
    false
  ) as repeated
from (
  {{ known_by_midnight(
    "inspection.petitions", ["petition_id"], "updated_at",
    ["petition_id", "petition_kind", "commune_code", "sender_pseudonym", "received_at", "due_on", "resolved_at", "withdrawn_at",
     "rating"]
  ) }}
) as petitions
