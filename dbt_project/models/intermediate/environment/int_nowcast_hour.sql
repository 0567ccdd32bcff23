-- NowCast of fine dust over twelve hours (QĐ 1459/QĐ-TCMT): w* = Cmin / Cmax, w = max(0.5, w*),
-- Σ w^(i-1)·c_i / Σ w^(i-1) over the hours that are there, i = 1 the newest. None without two of the newest three hours.
-- Of the last 31 days, which hourly indices are told of, and one more for the twelve hours to begin in.
{%- set ages = range(12) %}
with series as (
  select distinct station_code, pollutant
  from {{ ref("int_air_hour") }}
  where pollutant in ('pm25', 'pm10')
),

hours as (
  select grid.station_code, series.pollutant, grid.hour, air.concentration
  from {{ ref("int_air_station_hour") }} as grid
  inner join series on grid.station_code = series.station_code
  left join {{ ref("int_air_hour") }} as air
    on grid.station_code = air.station_code
      and series.pollutant = air.pollutant
      and grid.hour = air.hour
  where grid.hour > (select max(newest.hour) - interval '32' day from {{ ref("int_air_station_hour") }} as newest)
),

windows as (
  select
    station_code,
    pollutant,
    hour,
    {%- for age in ages %}
    lag(concentration, {{ age }}) over (partition by station_code, pollutant order by hour) as c{{ age }},
    {%- endfor %}
    min(concentration) over (
      partition by station_code, pollutant order by hour rows between 11 preceding and current row
    ) as lowest,
    max(concentration) over (
      partition by station_code, pollutant order by hour rows between 11 preceding and current row
    ) as highest,
    count(concentration) over (
      partition by station_code, pollutant order by hour rows between 2 preceding and current row
    ) as recent_hours
  from hours
),

weights as (
  select
    *,
    case
      when highest = 0 then 1.0  -- all are zero: they do not vary
      when lowest / highest < 0.5 then 0.5
      else lowest / highest
    end as weight
  from windows
)

select
  station_code,
  pollutant,
  hour,
  recent_hours,
  case
    when recent_hours >= 2  -- rounded far below what is measured, so that every engine gives the same
      then round((
        {%- for age in ages %}
        {{ "+ " if not loop.first }}coalesce(c{{ age }} * power(weight, {{ age }}), 0)
        {%- endfor %}
      ) / (
        {%- for age in ages %}
        {{ "+ " if not loop.first }}case when c{{ age }} is null then 0 else power(weight, {{ age }}) end
        {%- endfor %}
      ), 6)
  end as nowcast
from weights
