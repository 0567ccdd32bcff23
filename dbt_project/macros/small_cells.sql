{# A count of persons or households for readers without the right to small cells: under 5, none included, it is not told; others
   go to the nearest multiple of 5, so that neither sums and differences nor yesterday's file tell a small one. #}
{% macro round_small(count) -%}
  case when {{ count }} >= 5 then cast(5 * round({{ count }} / 5.0) as bigint) end
{%- endmacro %}
