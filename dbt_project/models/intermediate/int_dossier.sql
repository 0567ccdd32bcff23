-- Current dossiers in local time with the end of handling: finished, else returned, else stopped or refused (QĐ 766).
select
  dossier_id,
  commune_code,
  procedure_code,
  applicant_pseudonym,
  channel,
  status,
  {{ local_time("received_at") }} as received_at,
  {{ local_time("due_at") }} as due_at,
  -- a result that is dated before the receipt ends the handling at the receipt
  {{ local_time("case when coalesce(finished_at, returned_at, stopped_at) is not null then greatest(coalesce(finished_at, returned_at, stopped_at), received_at) end") }} as ended_at,
  coalesce(waiting_hours, 0) as waiting_hours,
  coalesce(supplement_requests, 0) as supplement_requests,
  -- a result is what was finished or handed out: what was stopped or refused has none
  {{ local_time("case when coalesce(finished_at, returned_at) is not null then greatest(coalesce(finished_at, returned_at), received_at) end") }} as issued_at,
  -- of all below, null says that the source does not tell
  synchronised,
  {{ local_time("synchronised_at") }} as synchronised_at,
  fee_thousand_vnd,
  paid_online,
  digitised,
  result_electronic,
  result_shared,
  certified_copies,
  e_certified_copies,
  data_reused,
  population_data_used,
  rating,
  complained,
  {{ local_time("updated_at") }} as updated_at
from {{ ref("stg_one_stop__dossiers") }}
