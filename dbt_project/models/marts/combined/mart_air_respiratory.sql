-- Where fine dust and influenza rise together: communes with an air station, complete months only. Cases are told in bands, and
-- what changed is told of the bands, so that nothing can be learnt from the direction.
with air as (
  select
    unit_code,
    month,
    max(case when measure = 'pm25_sum' then value end) as pm25_sum,
    max(case when measure = 'pm25_hours' then value end) as pm25_hours,
    max(case when measure = 'air_days' then value end) as air_days,
    max(case when measure = 'air_bad_days' then value end) as air_bad_days
  from {{ ref("int_measure_environment") }}
  where measure in ('pm25_sum', 'pm25_hours', 'air_days', 'air_bad_days')
  group by unit_code, month
),

stations as (
  select commune_code as unit_code, count(distinct station_code) as stations, min(hour) as first_hour
  from {{ ref("int_air_hour") }}
  where pollutant = 'pm25'
  group by commune_code
),

months as (
  {{ date_series(
    "(select date_trunc('month', min(first_hour)) from stations)",
    "(select date_trunc('month', max(hour)) - interval '1' month from " ~ ref("int_air_hour") ~ ")",
    "month"
  ) }}
),

-- as known at the last midnight, as everywhere in the leaders' file; communes without cases are there with zero
influenza as (
  select unit_code, month, value as cases
  from {{ ref("int_measure_health") }}
  where measure = 'cases' and item = 'influenza'
),

enough as (
  select 1.0 * required_hours / hours as share
  from {{ ref("air_averages") }}
  where averaging = '24h'
),

monthly as (
  select
    stations.unit_code,
    units.name as unit_name,
    stations.stations,
    months.day as month,
    coalesce(air.pm25_hours, 0) as pm25_hours,
    case
      when air.pm25_hours >= enough.share * stations.stations
        * {{ hours_between("cast(months.day as timestamp)", "cast(months.day + interval '1' month as timestamp)") }}
        then air.pm25_sum / air.pm25_hours
    end as pm25_mean,
    air.air_days,
    air.air_bad_days,
    influenza.cases
  from stations
  inner join months on stations.first_hour < months.day + interval '1' month
  inner join {{ ref("dim_unit") }} as units
    on stations.unit_code = units.unit_code
      and units.province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
  cross join enough
  left join air on stations.unit_code = air.unit_code and months.day = air.month
  left join influenza on stations.unit_code = influenza.unit_code and months.day = influenza.month
),

banded as (
  select
    *,
    case when cases is not null then {{ case_band("cases") }} end as cases_band
  from monthly
),

compared as (
  select
    *,
    lag(pm25_mean) over (partition by unit_code order by month) as former_pm25_mean,
    lag(cases) over (partition by unit_code order by month) as former_cases,
    lag(cases_band) over (partition by unit_code order by month) as former_band
  from banded
),

judged as (
  select
    *,
    case when former_pm25_mean > 0 then 100.0 * (pm25_mean - former_pm25_mean) / former_pm25_mean end as pm25_change_pct,
    case
      when cases_band = former_band then 0
      when cases > former_cases then 1
      when cases < former_cases then -1
    end as band_change
  from compared
)

select
  unit_code,
  unit_name,
  month,
  cast(stations as integer) as stations,
  cast(pm25_hours as integer) as pm25_hours,
  pm25_mean,
  pm25_change_pct,
  cast(air_days as integer) as air_days,
  cast(air_bad_days as integer) as air_bad_days,
  cases_band,
  case band_change when 1 then 'Tăng mức' when -1 then 'Giảm mức' when 0 then 'Không đổi mức' end as cases_change_vi,
  pm25_change_pct > 0 and band_change = 1 as both_rise,
  case
    when pm25_mean is null then 'Không đủ số giờ có số đo PM2.5 trong tháng'
    when cases_band is null then 'Chưa có số liệu ca bệnh của tháng'
    when pm25_change_pct is null or band_change is null then 'Tháng trước chưa đủ số liệu để so sánh'
  end as missing_reason
from judged
