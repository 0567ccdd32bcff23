{# Every hour from one moment to another, both with them, as a one-column table `hour`. #}
{% macro hour_series(first, last) %}{{ return(adapter.dispatch("hour_series", "kho_tinh")(first, last)) }}{% endmacro %}
{% macro default__hour_series(first, last) -%}
  select hour from generate_series({{ first }}, {{ last }}, interval '1 hour') as series (hour)
{%- endmacro %}
{% macro trino__hour_series(first, last) -%}
  select hour from unnest(sequence({{ first }}, {{ last }}, interval '1' hour)) as series (hour)
{%- endmacro %}
