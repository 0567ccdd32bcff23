-- The last 24 months of every air station, day by day. The running day has an index once it has enough hours.
{%- set names = {"pm25": "PM2.5", "pm10": "PM10", "o3": "O3", "no2": "NO2", "so2": "SO2", "co": "CO"} %}

select
  figures.station_code,
  stations.station_name,
  stations.commune_code as unit_code,
  units.name as unit_name,
  figures.day,
  cast(figures.hours as integer) as hours,
  means.pm25_mean,
  means.pm10_mean,
  figures.aqi,
  case figures.main_pollutant
    {%- for code, name in names.items() %}
    when '{{ code }}' then '{{ name }}'
    {%- endfor %}
  end as main_pollutant,
  levels.level_order,
  levels.name_vi as level_vi,
  figures.missing_reason
from {{ ref("int_aqi_day") }} as figures
inner join {{ ref("int_air_day") }} as means
  on figures.station_code = means.station_code
    and figures.day = means.day
inner join {{ ref("int_station") }} as stations on figures.station_code = stations.station_code
left join {{ ref("dim_unit") }} as units on stations.commune_code = units.unit_code
left join {{ ref("aqi_levels") }} as levels on figures.aqi between levels.aqi_from and levels.aqi_to
where figures.day > (select max(newest.day) - interval '24' month from {{ ref("int_air_day") }} as newest)
