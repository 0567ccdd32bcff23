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
  {{ local_time("coalesce(finished_at, returned_at, stopped_at)") }} as ended_at,
  coalesce(waiting_hours, 0) as waiting_hours,
  coalesce(supplement_requests, 0) as supplement_requests,
  {{ local_time("updated_at") }} as updated_at
from {{ ref("stg_one_stop__dossiers") }}
