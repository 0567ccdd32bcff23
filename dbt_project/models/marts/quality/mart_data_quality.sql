-- The data quality index as league tables: datasets by month, and communes by month over the datasets they deliver. Of communes
-- no count of rows is told: of sensitive datasets it would tell of events.
with scopes as (
  select
    'dataset' as scope,
    dataset as entity,
    dataset,
    cast(null as varchar) as unit_code,
    month,
    1 as datasets,
    received,
    refused,
    identifier_faulty,
    identifiers_pass,
    valid_pct,
    complete_pct,
    unique_pct,
    fresh_pct,
    consistent_pct,
    index_pct
  from {{ ref("int_quality_unit_month") }}
  where unit_code = '{{ env_var("KHO_PROVINCE", "68") }}'
  union all
  select
    'commune',
    unit_code,
    cast(null as varchar),
    unit_code,
    month,
    count(*),
    cast(null as bigint),
    cast(null as bigint),
    cast(null as bigint),
    min(case when identifiers_pass then 1 else 0 end) = 1,
    avg(valid_pct),
    avg(complete_pct),
    avg(unique_pct),
    avg(fresh_pct),
    avg(consistent_pct),
    avg(index_pct)
  from {{ ref("int_quality_unit_month") }}
  where unit_code <> '{{ env_var("KHO_PROVINCE", "68") }}'
  group by unit_code, month
),

-- rounded first, so that what looks alike ranks alike
rounded as (
  select *, round(index_pct, 1) as quality_index
  from scopes
),

placed as (
  select *, rank() over (partition by scope, month order by quality_index desc) as rank
  from rounded
)

select
  placed.scope,
  placed.unit_code,
  units.name as unit_name,
  placed.dataset,
  contracts.title,
  contracts.owner as agency_code,
  placed.month,
  cast(placed.datasets as integer) as datasets,
  round(placed.valid_pct, 1) as valid_pct,
  round(placed.complete_pct, 1) as complete_pct,
  round(placed.unique_pct, 1) as unique_pct,
  round(placed.fresh_pct, 1) as fresh_pct,
  round(placed.consistent_pct, 1) as consistent_pct,
  placed.quality_index,
  former.quality_index as previous_index,
  round(placed.quality_index - former.quality_index, 1) as index_change,
  cast(placed.rank as integer) as rank,
  cast(former.rank - placed.rank as integer) as delta_rank,
  placed.received,
  placed.refused,
  placed.identifier_faulty,
  placed.identifiers_pass
from placed
left join placed as former
  on placed.scope = former.scope
    and placed.entity = former.entity
    and placed.month = cast(former.month + interval '1' month as date)
left join {{ ref("dim_unit") }} as units on placed.unit_code = units.unit_code
left join {{ contracts() }} as contracts on placed.dataset = contracts.dataset
