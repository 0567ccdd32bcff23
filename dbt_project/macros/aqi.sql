{# The sub-index of a concentration inside its segment of int_aqi_segment, as an integer. Rounding twice keeps what is a half by
   the formula (109.5) a half in binary numbers, too. #}
{% macro aqi_sub_index(concentration) -%}
  cast(
    round(
      round(
        segments.aqi_low + coalesce(
          (segments.aqi_high - segments.aqi_low) * ({{ concentration }} - segments.concentration_low)
          / (segments.concentration_high - segments.concentration_low), 0
        ), 6
      )
    ) as integer
  )
{%- endmacro %}

{# The segment of a row of `values` with pollutant, averaging and concentration, in force on a day; without one (O3 over 8 hours
   above the table's end, a negative value) the row is left out. #}
{% macro join_aqi_segment(rows, day) -%}
  inner join {{ ref("int_aqi_segment") }} as segments
    on {{ rows }}.pollutant = segments.pollutant
      and {{ rows }}.averaging = segments.averaging
      and (
        {{ rows }}.concentration > segments.concentration_low
        or ({{ rows }}.concentration = 0 and segments.concentration_low = 0)
      )
      and ({{ rows }}.concentration <= segments.concentration_high or segments.concentration_high is null)
      and {{ day }} >= segments.effective_from
      and ({{ day }} < segments.effective_to or segments.effective_to is null)
{%- endmacro %}

{# The sub-indices of the rows of `concentrations` (station_code, pollutant, averaging, concentration and the moment, a column
   `day` or `hour`), and as `indices` those of each station and moment side by side, with the worst. Two parts of a with. #}
{% macro aqi_indices(moment, pollutants) -%}
judged as (
  select
    concentrations.station_code,
    concentrations.{{ moment }},
    concentrations.pollutant,
    {{ aqi_sub_index("concentrations.concentration") }} as sub_index
  from concentrations
  {{ join_aqi_segment("concentrations", "concentrations." ~ moment) }}
),

indices as (
  select
    station_code,
    {{ moment }},
    {%- for pollutant in pollutants %}
    max(case when pollutant = '{{ pollutant }}' then sub_index end) as aqi_{{ pollutant }},
    {%- endfor %}
    max(sub_index) as worst
  from judged
  group by station_code, {{ moment }}
)
{%- endmacro %}
