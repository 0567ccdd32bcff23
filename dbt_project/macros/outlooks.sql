{# How the outlook of a target is told. #}

{# What each of the months that are left has to add; 0 where the goal is reached, null where none is left. #}
{% macro needed_per_month(goal, so_far, months_left) -%}
  case
    when {{ goal }} <= {{ so_far }} then 0.0
    when {{ months_left }} > 0 then {{ settled("(" ~ goal ~ " - " ~ so_far ~ ") / " ~ months_left) }}
  end
{%- endmacro %}

{# A chance in words. #}
{% macro outlook_vi(chance, so_far, goal) -%}
  case
    when {{ chance }} is null then 'chưa đủ dữ liệu'
    when {{ so_far }} >= {{ goal }} then 'đã đạt'
    when {{ chance }} >= 0.8 then 'nhiều khả năng đạt'
    when {{ chance }} >= 0.5 then 'có thể đạt'
    when {{ chance }} >= 0.2 then 'khó đạt'
    else 'rất khó đạt'
  end
{%- endmacro %}
