-- Current cases that were not discarded, by onset.
select
  case_id,
  commune_code,
  patient_pseudonym,
  birth_year,
  sex,
  disease_code,
  classification,
  onset_date,
  cast(date_trunc('week', onset_date) as date) as week_start,
  cast(date_trunc('month', onset_date) as date) as month,
  {{ local_time("reported_at") }} as reported_at,
  {{ local_time("updated_at") }} as updated_at
from {{ ref("stg_health__case_reports") }}
where classification <> 'discarded'
