{# Measures of a theme side by side: a row a unit and month, for each commune and the province as the sum of its communes.
   Of the province, units_reporting says of how many communes: a sum of fewer than units_expected is too small.
   measures: names of measures without items. Columns are double; null where nothing was delivered. #}
{% macro unit_month(theme, measures) -%}
  select
    figures.unit_code,
    units.name as unit_name,
    units.level,
    units.province_code,
    figures.month,
    figures.units_reporting,
    case when units.level = 'province' then (select count(*) from ({{ our_communes() }}) as communes) else 1 end
      as units_expected
    {%- for measure in measures %},
    figures.{{ measure }}
    {%- endfor %}
  from (
    {%- for unit in ["measures.unit_code", "'" ~ env_var("KHO_PROVINCE", "68") ~ "'"] %}
    select
      {{ unit }} as unit_code,
      month,
      count(distinct measures.unit_code) as units_reporting
      {%- for measure in measures %},
      {{ settled("sum(value) filter (where measure = '" ~ measure ~ "')") }} as {{ measure }}
      {%- endfor %}
    from {{ ref("int_measure_" ~ theme) }} as measures
    where item = '' and measure in ('{{ measures | join("', '") }}')
    group by {{ "measures.unit_code, month" if unit == "measures.unit_code" else "month" }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
  ) as figures
  inner join {{ ref("dim_unit") }} as units on figures.unit_code = units.unit_code
{%- endmacro %}

{# Growth in percent; without a former figure above zero there is none. #}
{% macro growth_pct(now, before) -%}
  case when {{ before }} > 0 then 100.0 * {{ now }} / {{ before }} - 100.0 end
{%- endmacro %}

{# Whether a month has ended; the running one is not compared with whole months. #}
{% macro has_ended(month) -%}
  {{ month }} < (select date_trunc('month', today) from {{ ref("int_moment") }})
{%- endmacro %}
