{# A count of cases in words that hides small cells: under 5, then in steps of five up to 20. #}
{% macro case_band(cases) -%}
  case
    when {{ cases }} < 5 then 'dưới 5 ca'
    when {{ cases }} < 10 then '5–9 ca'
    when {{ cases }} < 20 then '10–19 ca'
    when {{ cases }} < 50 then '20–49 ca'
    else 'từ 50 ca'
  end
{%- endmacro %}
