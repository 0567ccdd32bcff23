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

{# A name that begins with a capital letter within a sentence: sốt xuất huyết, but COVID-19. #}
{% macro within_a_sentence(name) -%}
  case when substr({{ name }}, 2, 1) = lower(substr({{ name }}, 2, 1)) then lower(substr({{ name }}, 1, 1)) || substr({{ name }}, 2) else {{ name }} end
{%- endmacro %}

{# Where a cluster is: its one commune, or how many. #}
{% macro cluster_place() -%}
  case when cluster_communes = 1 then unit_name else 'cụm ' || cast(cluster_communes as varchar) || ' xã, phường' end
{%- endmacro %}
