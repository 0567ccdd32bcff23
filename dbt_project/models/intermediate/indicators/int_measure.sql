-- What was counted, of all themes in one long table: unit × month × measure × item.
{% set themes = [
  "directives", "electricity", "enterprise", "environment", "finance", "health", "insurance", "land", "one_stop", "personnel",
  "petitions", "population", "poverty", "quality", "security", "statistics",
] -%}
{% for theme in themes -%}
  select unit_code, month, measure, item, {{ settled("value") }} as value from {{ ref("int_measure_" ~ theme) }}
  {{ "union all" if not loop.last }}
{% endfor %}
