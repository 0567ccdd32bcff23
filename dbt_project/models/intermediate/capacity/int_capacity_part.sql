-- The parts of a commune's capacity, 0 to 100 each, by the weights and scales of the seed. A part of which too little is known is
-- not scored, and says what is missing: never zero. A scale is of the figure itself or, where what is usual differs by the kind of
-- commune, of its percentage of the peers' median.
with weights as (
  select
    part,
    part_vi,
    indicator_code,
    scale,
    cast(part_order as integer) as part_order,
    cast(part_weight as double) as part_weight,
    cast(weight as double) as weight,
    cast(zero_at as double) as zero_at,
    cast(full_at as double) as full_at
  from {{ ref("capacity_weights") }}
),

rules as (
  {{ rule_values("commune_capacity", ["part_known_least", "results_known_least"]) }}
),

-- every indicator with a target counts once: no parts of a sum, nothing that another part of the score has
results as (
  select
    figures.unit_code,
    figures.period_start,
    count(*) filter (where figures.status = 'đạt') as met,
    count(*) filter (where figures.value is not null) as judged
  from {{ ref("int_commune_figure") }} as figures
  where figures.target is not null
    and figures.base_code not in (select indicator_code from weights)
    and figures.base_code not in (select indicator_code from {{ ref("dim_indicator") }} where parent is not null)
  group by figures.unit_code, figures.period_start
),

figures as (
  select unit_code, period_start, indicator_code, indicator_name, unit, value, withheld_reason
  from {{ ref("int_commune_figure") }}
  where indicator_code in (select indicator_code from weights)
  union all
  select
    results.unit_code,
    results.period_start,
    'targets_met_share' as indicator_code,
    'Chỉ tiêu đạt mục tiêu' as indicator_name,
    '%' as unit,
    case when results.judged >= rules.results_known_least then 100.0 * results.met / results.judged end as value,
    case
      when results.judged < rules.results_known_least
        then 'Mới có ' || cast(results.judged as varchar) || ' chỉ tiêu có kết luận'
    end as withheld_reason
  from results
  cross join rules
),

grid as (
  select distinct unit_code, unit_name, peer_group, period_start from {{ ref("int_commune_figure") }}
),

usual as (
  select grid.peer_group, grid.period_start, figures.indicator_code, {{ median_of("figures.value") }} as peers_value
  from figures
  inner join grid on figures.unit_code = grid.unit_code and figures.period_start = grid.period_start
  group by grid.peer_group, grid.period_start, figures.indicator_code
),

measured as (
  select
    figures.*,
    weights.part,
    case when weights.scale = 'peers' then 100.0 * figures.value / nullif(usual.peers_value, 0) else figures.value end as on_scale
  from figures
  inner join weights on figures.indicator_code = weights.indicator_code
  inner join grid on figures.unit_code = grid.unit_code and figures.period_start = grid.period_start
  left join usual
    on grid.peer_group = usual.peer_group
      and figures.period_start = usual.period_start
      and figures.indicator_code = usual.indicator_code
),

scored as (
  select
    grid.unit_code,
    grid.unit_name,
    grid.peer_group,
    grid.period_start,
    weights.part,
    weights.part_vi,
    weights.part_order,
    weights.part_weight,
    weights.indicator_code,
    weights.weight,
    figures.value,
    greatest(0.0, least(100.0, 100.0 * (figures.on_scale - weights.zero_at) / (weights.full_at - weights.zero_at))) as points,
    coalesce(figures.indicator_name, names.name_vi, 'Chỉ tiêu đạt mục tiêu') as indicator_name,
    coalesce(figures.unit, '') as unit,
    coalesce(figures.withheld_reason, 'chưa có số liệu') as reason
  from grid
  cross join weights
  left join measured as figures
    on grid.unit_code = figures.unit_code
      and grid.period_start = figures.period_start
      and weights.indicator_code = figures.indicator_code
      and weights.part = figures.part
  left join (
    select indicator_code, min(name_vi) as name_vi from {{ ref("dim_indicator") }} group by indicator_code
  ) as names on weights.indicator_code = names.indicator_code
),

summed as (
  select
    unit_code,
    unit_name,
    peer_group,
    period_start,
    part,
    part_vi,
    part_order,
    part_weight,
    sum(weight) as weight,
    -- greatest and least do not hand a missing value on in every engine
    sum(case when value is not null then weight end) as weight_known,
    sum(case when value is not null then weight * points end) as points,
    {{ joined_texts("case when value is not null then indicator_name || ' ' || " ~ vietnamese_number("value") ~ " || ' ' || unit end", "; ", "indicator_code") }}
      as evidence_vi,
    {{ joined_texts("case when value is null then indicator_name || ': ' || reason end", "; ", "indicator_code") }} as missing_vi
  from scored
  group by unit_code, unit_name, peer_group, period_start, part, part_vi, part_order, part_weight
)

select
  summed.unit_code,
  summed.unit_name,
  summed.peer_group,
  summed.period_start,
  summed.part,
  summed.part_vi,
  summed.part_order,
  summed.part_weight,
  case
    when 100.0 * summed.weight_known / summed.weight >= rules.part_known_least then summed.points / summed.weight_known
  end as score,
  summed.evidence_vi,
  summed.missing_vi
from summed
cross join rules
