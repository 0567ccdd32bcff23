{# A count of cases in words: to the nearest five as everywhere else, for two scales side by side would tell more than either. #}
{% macro case_band(cases) -%}
  case
    when {{ cases }} < 5 then 'dưới 5 ca'
    else 'khoảng ' || cast({{ round_small(cases) }} as varchar) || ' ca'
  end
{%- endmacro %}
