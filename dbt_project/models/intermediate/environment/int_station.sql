-- Stations with the newest name, commune and alarm levels of water that the source gives: one that was moved has its history
-- where it stands now.
select
  station_code,
  max_by(station_name, result_at) as station_name,
  max_by(commune_code, result_at) as commune_code,
  max_by(alarm_1_cm, result_at) as alarm_1_cm,
  max_by(alarm_2_cm, result_at) as alarm_2_cm,
  max_by(alarm_3_cm, result_at) as alarm_3_cm
from {{ ref("stg_iot__observations__versions") }}
group by station_code
