-- Every indicator's exact figure by unit and month, computed by the formula that the registry has in force then: a number, or
-- the reason in words why there is none. Private: what leaders may read of it is in mart_indicator.
with registry as (
  select * from {{ ref("dim_indicator") }}
),

own_units as (
  select unit_code, level from {{ ref("dim_unit") }} where province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
),

commune_count as (select count(*) as communes from own_units where level = 'commune'),

-- indicators that every commune has to show in every month since the first one
spans as (
  select parts.indicator_code, parts.item, min(parts.month) as first_month, max(parts.month) as last_month
  from {{ ref("int_indicator_part") }} as parts
  group by parts.indicator_code, parts.item
),

months as (select distinct month from {{ ref("int_indicator_part") }}),

grid as (
  select registry.indicator_code, registry.effective_from, spans.item, own_units.unit_code, own_units.level, months.month
  from registry
  inner join spans on registry.indicator_code = spans.indicator_code
  inner join {{ ref("measures") }} as rules on registry.numerator = rules.measure
  inner join months
    on months.month between spans.first_month and spans.last_month
      and months.month >= registry.effective_from
      and (registry.effective_to is null or months.month < registry.effective_to)
  inner join own_units
    on own_units.level = 'province' or registry.level <> 'province'
  where rules.coverage = 'all'
    or exists (
      select 1
      from {{ ref("int_indicator_part") }} as parts
      where parts.indicator_code = registry.indicator_code and parts.unit_code = own_units.unit_code
    )
),

computed as (
  select
    grid.indicator_code,
    grid.effective_from,
    grid.item,
    grid.unit_code,
    grid.level,
    grid.month,
    parts.numerator,
    parts.denominator,
    parts.units_reporting,
    registry.valid_low,
    registry.valid_high,
    case registry.method
      when 'count' then registry.factor * parts.numerator
      when 'ratio' then registry.factor * parts.numerator / nullif(parts.denominator, 0)
      when 'growth' then registry.factor * (parts.numerator / nullif(parts.denominator, 0) - 1)
      when 'score'
        then registry.points * least(
          1.0, registry.factor * parts.numerator / nullif(parts.denominator, 0) / registry.full_at
        )
    end as value,
    case
      when withheld.reason is not null then withheld.reason
      when parts.numerator is null and grid.level = 'commune' then 'Đơn vị không gửi số liệu trong kỳ'
      when partial.reason is not null then partial.reason
      when registry.method = 'growth' and parts.denominator is null then 'Chưa có số liệu cùng kỳ năm trước'
      when parts.numerator is null then 'Chưa có số liệu của kỳ'
      when parts.units_reporting * 100.0 < registry.min_units_pct * commune_count.communes
        then 'Mới có số liệu của ' || cast(parts.units_reporting as varchar) || '/'
          || cast(commune_count.communes as varchar) || ' xã, phường'
      when registry.method = 'growth' and parts.denominator = 0 then 'Cùng kỳ năm trước bằng 0'
      when registry.denominator is not null and parts.denominator is null then 'Chưa có mẫu số của kỳ'
      when registry.denominator is not null and parts.denominator = 0 then {{ not_occurring() }}
    end as reason
  from grid
  inner join registry
    on grid.indicator_code = registry.indicator_code and grid.effective_from = registry.effective_from
  cross join commune_count
  left join {{ ref("int_indicator_part") }} as parts
    on grid.indicator_code = parts.indicator_code
      and grid.effective_from = parts.effective_from
      and grid.item = parts.item
      and grid.unit_code = parts.unit_code
      and grid.month = parts.month
  left join {{ ref("int_withheld") }} as withheld
    on grid.indicator_code = withheld.indicator_code and grid.month = withheld.month
  left join {{ ref("int_withheld_unit") }} as partial
    on grid.indicator_code = partial.indicator_code and grid.unit_code = partial.unit_code and grid.month = partial.month
),

judged as (
  select
    indicator_code,
    effective_from,
    item,
    unit_code,
    level,
    month,
    numerator,
    denominator,
    units_reporting,
    case
      when reason is null and value >= coalesce(valid_low, value) and value <= coalesce(valid_high, value)
        then {{ settled("value") }}
    end as value,
    case
      when reason is not null then reason
      when value < valid_low or value > valid_high
        then 'Giá trị tính được nằm ngoài khoảng hợp lý, cần kiểm tra số liệu nguồn'
    end as withheld_reason
  from computed
),

parts as (
  select
    registry.parent,
    registry.name_vi,
    registry.points,
    judged.unit_code,
    judged.level,
    judged.month,
    judged.value,
    judged.withheld_reason
  from judged
  inner join registry on judged.indicator_code = registry.indicator_code and judged.effective_from = registry.effective_from
  where registry.parent is not null
),

-- first the sums that are parts of a sum themselves, then those of sums and other parts
groups as (
  {{ sum_of_parts("parts", "parent is not null") }}
),

totals as (
  {{ sum_of_parts("(select * from parts union all select parent, name_vi, points, unit_code, level, month, value, withheld_reason from groups)", "parent is null") }}
),

sums as (
  select * from groups
  union all
  select * from totals
)

select indicator_code, effective_from, item, unit_code, level, month, numerator, denominator, units_reporting, value, withheld_reason
from judged
union all
select
  indicator_code,
  effective_from,
  '' as item,
  unit_code,
  level,
  month,
  cast(null as double) as numerator,
  cast(null as double) as denominator,
  cast(null as bigint) as units_reporting,
  value,
  withheld_reason
from sums
