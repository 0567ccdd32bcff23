{# Why a ratio has no value where there was nothing to count. Of a sum such a part is not asked for. #}
{% macro not_occurring() -%} 'Không phát sinh trong kỳ (mẫu số bằng 0)' {%- endmacro %}

{# The registry's sums over their parts, by unit and month. Parts of which nothing occurred leave the sum and its points; what is
   left is brought to the full points. Any other part without a value leaves the sum without one.
   parts: relation of parent, name_vi, points, unit_code, level, month, value, withheld_reason. which: of the registry's sums. #}
{% macro sum_of_parts(parts, which) -%}
  select
    summed.indicator_code,
    summed.effective_from,
    summed.parent,
    summed.name_vi,
    summed.points,
    summed.unit_code,
    summed.level,
    summed.month,
    case when missing = 0 and points_asked > 0 then {{ settled("value * points / points_asked") }} end as value,
    case
      when missing > 0 then 'Thiếu ' || cast(missing as varchar) || ' chỉ số thành phần. ' || first_missing
      when points_asked is null then {{ not_occurring() }}
    end as withheld_reason
  from (
    select
      registry.indicator_code,
      registry.effective_from,
      registry.parent,
      registry.name_vi,
      registry.points,
      parts.unit_code,
      parts.level,
      parts.month,
      sum(parts.value) as value,
      sum(parts.points) filter (where parts.value is not null) as points_asked,
      count(*) filter (where parts.value is null and parts.withheld_reason <> {{ not_occurring() }}) as missing,
      min(parts.name_vi || ': ' || parts.withheld_reason)
        filter (where parts.value is null and parts.withheld_reason <> {{ not_occurring() }}) as first_missing
    from {{ parts }} as parts
    inner join (select * from registry where method = 'sum' and {{ which }}) as registry
      on parts.parent = registry.indicator_code
        and parts.month >= registry.effective_from
        and (registry.effective_to is null or parts.month < registry.effective_to)
    group by
      registry.indicator_code, registry.effective_from, registry.parent, registry.name_vi, registry.points,
      parts.unit_code, parts.level, parts.month
  ) as summed
{%- endmacro %}
