-- The registry: what every figure is, by which formula, and from when to when. Everything that tells a figure reads it here.
-- The datasets that a figure needs stand in the registry but for two kinds: a sum needs what its parts need, and quality is of
-- all datasets that somebody delivers, punctuality of those with a delivery date.
with registry as (select * from {{ ref("indicators") }}),

named as (
  select indicator_code, parent, {{ unnest_list("inputs") }} as dataset
  from registry
  where inputs is not null
),

needed as (
  select parent as indicator_code, dataset
  from named
  where parent is not null
  union
  select groups.parent, named.dataset
  from named
  inner join registry as groups on named.parent = groups.indicator_code
  where groups.parent is not null
  union
  select registry.indicator_code, contracts.dataset
  from registry
  cross join {{ contracts() }} as contracts
  where registry.theme = 'quality'
    and contracts.tier not in ('reference', 'derived')
    and (contracts.due_hours is not null or registry.numerator <> 'deliveries_on_time')
),

derived as (
  select indicator_code, {{ joined_texts("dataset", ";", "dataset") }} as inputs
  from needed
  group by indicator_code
)

select
  registry.indicator_code,
  registry.theme,
  registry.name_vi,
  registry.name_en,
  registry.unit,
  registry.grain,
  registry.method,
  registry.numerator,
  registry.denominator,
  cast(registry.factor as double) as factor,
  cast(registry.points as double) as points,
  cast(registry.full_at as double) as full_at,
  registry.parent,
  registry.direction,
  cast(registry.decimals as integer) as decimals,
  cast(registry.sensitive as boolean) as sensitive,
  cast(registry.by_item as boolean) as by_item,
  registry.level,
  cast(registry.min_units_pct as double) as min_units_pct,
  cast(registry.valid_low as double) as valid_low,
  cast(registry.valid_high as double) as valid_high,
  registry.formula_vi,
  coalesce(registry.inputs, derived.inputs) as inputs,
  registry.legal_source,
  registry.source_note,
  cast(registry.effective_from as date) as effective_from,
  cast(registry.effective_to as date) as effective_to
from registry
left join derived on registry.indicator_code = derived.indicator_code
