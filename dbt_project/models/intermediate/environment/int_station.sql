-- Stations with the newest name and commune: one that was moved has its history where it stands now.
select
  station_code,
  max_by(station_name, result_at) as station_name,
  max_by(commune_code, result_at) as commune_code
from {{ ref("stg_iot__observations__versions") }}
group by station_code
