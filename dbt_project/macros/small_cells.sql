{# Counts of persons that not every reader may know exactly: under 5 they are not told, above in steps of five. One true figure
   in five looks alike, so that neither a total nor yesterday's file tells what is hidden. #}
{% macro round_small(count) -%}
  case when {{ count }} >= 5 then 5 * round({{ count }} / 5.0) end
{%- endmacro %}
