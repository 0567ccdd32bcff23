{# A count of persons or households for readers without the right to small cells: under 5, none included, it is not told; others
   go to the nearest multiple of 5, so that neither sums and differences nor yesterday's file tell a small one. #}
{% macro round_small(count) -%}
  case when {{ count }} >= 5 then cast(5 * round({{ count }} / 5.0) as bigint) end
{%- endmacro %}

{# Whether the total beside its parts would give away that a hidden part is 3 or 4: the least that it can be, less the most that
   the parts beside one hidden one can be. total: what is told of it; most: the sum over the parts of what each can be at most;
   hidden: how many are not told. #}
{% macro gives_away(total, most, hidden) -%}
  coalesce({{ hidden }} > 0 and {{ total }} - 2 - ({{ most }} - 4) >= 3, false)
{%- endmacro %}

{# The most that a count can be whose told value is this. #}
{% macro at_most(told) -%}
  coalesce({{ told }} + 2, 4)
{%- endmacro %}

{# A count of a table of communes and their province as it may be told, the province's not where it would give away a commune's.
   period: the column that names the period. #}
{% macro told_count(count, period) -%}
  case
    when level = 'province' and {{ gives_away(
      round_small(count),
      "sum(case when level = 'commune' and " ~ count ~ " is not null then " ~ at_most(round_small(count)) ~ " end) over (partition by "
        ~ period ~ ")",
      "count(case when level = 'commune' and " ~ count ~ " < 5 then 1 end) over (partition by " ~ period ~ ")"
    ) }} then null
    else {{ round_small(count) }}
  end
{%- endmacro %}
