{# The columns of a relation as rows: unit_code, month, measure, item, value. A value that is null is no row. #}
{% macro long_measures(relation, measures, item="''") -%}
  {% for measure in measures -%}
  select unit_code, month, '{{ measure }}' as measure, {{ item }} as item, cast({{ measure }} as double) as value
  from {{ relation }}
  where {{ measure }} is not null
  {{ "union all" if not loop.last }}
  {% endfor %}
{%- endmacro %}
