{# Aggregates that DuckDB and Trino write differently. #}

{# Texts of a group in one, in an order. #}
{% macro joined_texts(text, separator, order) %}{{ return(adapter.dispatch("joined_texts", "kho_tinh")(text, separator, order)) }}{% endmacro %}
{% macro default__joined_texts(text, separator, order) -%} string_agg({{ text }}, '{{ separator }}' order by {{ order }}) {%- endmacro %}
{% macro trino__joined_texts(text, separator, order) -%}
  listagg({{ text }}, '{{ separator }}') within group (order by {{ order }})
{%- endmacro %}

{# The middle of a group's values. #}
{% macro median_of(value) %}{{ return(adapter.dispatch("median_of", "kho_tinh")(value)) }}{% endmacro %}
{% macro default__median_of(value) -%} median({{ value }}) {%- endmacro %}
{% macro trino__median_of(value) -%} approx_percentile({{ value }}, 0.5) {%- endmacro %}
