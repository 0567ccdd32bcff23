{# A series of units of their time on the units of today.

   relation: the series, one row a unit and date (and `by`); unit_column: code of the unit of its time; date_column: a row
   before the unit's end goes to its successors by weight, any other stays where it is; value_columns: additive numbers.
   by: further columns that rows are told apart by, such as a disease.

   Gives the same columns, sums over today's units being the sums over the units of then, with `apportioned` (a part of a
   split unit is in it: an estimate), `parts` (units of then in it) and `parts_missing` (those of them without a value).
   A value whose every part is missing is missing. A unit that the crosswalk does not know stays as it is: nothing is lost. #}
{% macro restate(relation, unit_column, date_column, value_columns, by=[]) -%}
select
  coalesce(crosswalk.new_code, series.{{ unit_column }}) as {{ unit_column }},
  series.{{ date_column }},
  {% for name in by -%}
  series.{{ name }},
  {% endfor -%}
  {% for name in value_columns -%}
  sum(series.{{ name }} * coalesce(crosswalk.weight, 1.0)) as {{ name }},
  {% endfor -%}
  max(case when crosswalk.weight < 1 then 1 else 0 end) = 1 as apportioned,
  count(*) as parts,
  sum(case when {% for name in value_columns %}series.{{ name }} is null{{ " or " if not loop.last }}{% endfor %} then 1 else 0 end)
    as parts_missing
from {{ relation }} as series
left join {{ ref("int_unit_crosswalk") }} as crosswalk
  on series.{{ unit_column }} = crosswalk.old_code
    and series.{{ date_column }} < crosswalk.effective_date
group by
  coalesce(crosswalk.new_code, series.{{ unit_column }}),
  series.{{ date_column }}{% for name in by %},
  series.{{ name }}{% endfor %}
{%- endmacro %}
