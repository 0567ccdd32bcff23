{# What the marts that join several systems share. #}

{# A number as Vietnamese readers write it. #}
{% macro vietnamese_number(value, digits=1) -%}
  replace(cast(cast({{ value }} as decimal(18, {{ digits }})) as varchar), '.', ',')
{%- endmacro %}

{# The parameters of a question as one row with a column each. #}
{% macro rule_values(question, rules) -%}
  select
    {%- for rule in rules %}
    max(case when rule = '{{ rule }}' then cast(value as double) end) as {{ rule }}{{ "," if not loop.last }}
    {%- endfor %}
  from {{ ref("combined_rules") }}
  where question = '{{ question }}'
{%- endmacro %}

{# Told figures side by side: one row a commune and month, of every indicator its value, whether it is hidden (known, but too
   small to be told) and why it is missing. #}
{% macro side_by_side(codes) -%}
  select
    unit_code,
    unit_name,
    peer_group,
    period_start
    {%- for code in codes %},
    max(case when indicator_code = '{{ code }}' then value end) as {{ code }},
    max(case when indicator_code = '{{ code }}' and hidden then 1 else 0 end) = 1 as {{ code }}_hidden,
    max(
      case
        when indicator_code = '{{ code }}' and value is null and not hidden
          then indicator_name || ': ' || coalesce(withheld_reason, 'chưa có số liệu')
      end
    ) as {{ code }}_missing
    {%- endfor %}
  from {{ ref("int_commune_figure") }}
  where indicator_code in ({% for code in codes %}'{{ code }}'{{ ", " if not loop.last }}{% endfor %})
  group by unit_code, unit_name, peer_group, period_start
{%- endmacro %}

{# What is missing in words, nothing if all is there. names: of each column of side_by_side the name to use where no row tells. #}
{% macro missing_words(names) -%}
  nullif(
    {%- for code, name in names.items() %}
    case when {{ code }} is null and not {{ code }}_hidden then coalesce({{ code }}_missing, '{{ name }}: chưa có số liệu') || '. ' else '' end
    {{- " ||" if not loop.last }}
    {%- endfor %},
    ''
  )
{%- endmacro %}

{# The newest period in which at least half of the rows could be judged. #}
{% macro newest_judged(relation) -%}
  (
    select max(period_start)
    from (
      select period_start, avg(case when class_code = 'unknown' then 0.0 else 1.0 end) as judged
      from {{ relation }}
      group by period_start
    ) as shares
    where judged >= 0.5
  )
{%- endmacro %}
