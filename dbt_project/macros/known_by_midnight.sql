{# The rows of a stream as they stood at the last local midnight. What is told of sensitive themes comes from here: a figure that
   moves once a day for all units together tells nothing of a single event, one that moves by the hour does. #}
{% macro known_by_midnight(dataset, key, updated_at, columns, removed=none) -%}
  {%- set before = local_time(updated_at) ~ " < (select cast(today as timestamp) from " ~ ref("int_moment") ~ ")" -%}
  {{ newest_versions(dataset, key, updated_at, columns, removed, before) }}
{%- endmacro %}
