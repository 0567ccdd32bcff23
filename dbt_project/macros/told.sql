{# How figures are told in sentences. #}

{# A number as it is written in Vietnamese: 1.234,5. decimals: a column or a number, 0 to 2. #}
{% macro number_vi(value, decimals) -%}
  replace(replace(replace({{ grouped_digits(value, decimals) }}, ',', '_'), '.', ','), '_', '.')
{%- endmacro %}

{# A severity by its place in the order of severities. #}
{% macro severity_order(severity) -%}
  case {{ severity }} when 'alarm' then 1 when 'warning' then 2 else 3 end
{%- endmacro %}

{% macro severity_vi(severity) -%}
  case {{ severity }} when 'alarm' then 'Báo động' when 'warning' then 'Cảnh báo' else 'Theo dõi' end
{%- endmacro %}

{# Cases of a whole province in steps of five: "khoảng 125 ca". #}
{% macro about_cases(cases) -%}
  case
    when {{ cases }} < 5 then 'dưới 5 ca'
    else 'khoảng ' || {{ number_vi(round_small(cases), 0) }} || ' ca'
  end
{%- endmacro %}
