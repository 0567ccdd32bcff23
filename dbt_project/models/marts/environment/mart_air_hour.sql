-- The last 31 days of every air station, hour by hour.
{%- set names = {"pm25": "PM2.5", "pm10": "PM10", "o3": "O3", "no2": "NO2", "so2": "SO2", "co": "CO"} %}

select
  figures.station_code,
  stations.station_name,
  stations.commune_code as unit_code,
  units.name as unit_name,
  figures.hour,
  air.concentration as pm25,
  dust.nowcast as pm25_nowcast,
  figures.aqi,
  case figures.main_pollutant
    {%- for code, name in names.items() %}
    when '{{ code }}' then '{{ name }}'
    {%- endfor %}
  end as main_pollutant,
  levels.level_order,
  levels.name_vi as level_vi,
  figures.missing_reason
from {{ ref("int_aqi_hour") }} as figures
inner join {{ ref("int_station") }} as stations on figures.station_code = stations.station_code
left join {{ ref("dim_unit") }} as units on stations.commune_code = units.unit_code
left join {{ ref("int_nowcast_hour") }} as dust
  on figures.station_code = dust.station_code
    and figures.hour = dust.hour
    and dust.pollutant = 'pm25'
left join {{ ref("int_air_hour") }} as air
  on figures.station_code = air.station_code
    and figures.hour = air.hour
    and air.pollutant = 'pm25'
left join {{ ref("aqi_levels") }} as levels on figures.aqi between levels.aqi_from and levels.aqi_to
