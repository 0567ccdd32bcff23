-- Communes that may be compared: of one kind, of like difficulty and density. A group under the smallest size is joined to
-- the nearest group of its kind that is large enough (difficulty counts before density); where its kind has none, as the one
-- special zone of a province, to the nearest of another kind; where there is none at all, the whole kind is one group.
with rules as (select * from {{ ref("peer_rules") }}),

communes as (
  select
    units.unit_code,
    units.kind,
    poverty.poor_share_pct,
    poverty.times_province,
    poverty.residents / nullif(units.area_km2, 0) as density_per_km2
  from {{ ref("dim_unit") }} as units
  inner join {{ ref("int_commune_poverty") }} as poverty on units.unit_code = poverty.unit_code
),

-- the highest rank whose threshold is reached, of poverty as such or against the province's; nothing known, the lowest
ranked as (
  select
    communes.unit_code,
    communes.kind,
    communes.density_per_km2,
    communes.poor_share_pct,
    coalesce(
      max(case when rules.rule = 'density' and communes.density_per_km2 >= rules.from_value then rules.class_rank end), 1
    ) as density_rank,
    coalesce(
      max(
        case
          when rules.rule = 'difficulty' and communes.poor_share_pct >= rules.from_value then rules.class_rank
          when rules.rule = 'difficulty_in_province' and communes.times_province >= rules.from_value then rules.class_rank
        end
      ),
      1
    ) as difficulty_rank
  from communes
  left join rules on rules.kind is null or rules.kind = communes.kind
  group by communes.unit_code, communes.kind, communes.density_per_km2, communes.poor_share_pct
),

counted as (
  select
    kind,
    difficulty_rank,
    density_rank,
    count(*) as communes,
    count(*) >= (select max(from_value) from rules where rule = 'smallest_group') as large
  from ranked
  group by kind, difficulty_rank, density_rank
),

cells as (
  select *, max(case when large then 1 else 0 end) over (partition by kind) = 1 as kind_has_large from counted
),

-- 10: no difference of density outweighs one of difficulty
nearest as (
  select
    cells.kind,
    cells.difficulty_rank,
    cells.density_rank,
    hosts.kind as host_kind,
    hosts.difficulty_rank as host_difficulty,
    hosts.density_rank as host_density,
    row_number() over (
      partition by cells.kind, cells.difficulty_rank, cells.density_rank
      order by
        10 * abs(cells.difficulty_rank - hosts.difficulty_rank) + abs(cells.density_rank - hosts.density_rank),
        hosts.communes desc,
        hosts.kind,
        hosts.difficulty_rank,
        hosts.density_rank
    ) as nth
  from cells
  left join cells as hosts
    on hosts.large and (cells.kind = hosts.kind or not cells.kind_has_large)
),

joined as (
  select
    ranked.*,
    coalesce(nearest.host_kind, ranked.kind) as host_kind,
    nearest.host_difficulty,
    nearest.host_density,
    coalesce(
      ranked.kind <> nearest.host_kind
      or ranked.difficulty_rank <> nearest.host_difficulty
      or ranked.density_rank <> nearest.host_density,
      true
    ) as joined
  from ranked
  inner join nearest
    on ranked.kind = nearest.kind
      and ranked.difficulty_rank = nearest.difficulty_rank
      and ranked.density_rank = nearest.density_rank
      and nearest.nth = 1
),

named as (
  select
    joined.*,
    difficulty.class_code as difficulty_class,
    difficulty.class_vi as difficulty_vi,
    density.class_code as density_class,
    density.class_vi as density_vi,
    case joined.host_kind when 'Xã' then 'xa' when 'Phường' then 'phuong' else 'dac_khu' end as kind_code,
    host_difficulties.class_code as group_difficulty,
    host_difficulties.class_vi as group_difficulty_vi,
    host_densities.class_code as group_density,
    host_densities.class_vi as group_density_vi
  from joined
  left join rules as difficulty
    on difficulty.rule = 'difficulty' and joined.difficulty_rank = difficulty.class_rank
  left join rules as density
    on density.rule = 'density' and joined.kind = density.kind and joined.density_rank = density.class_rank
  left join rules as host_difficulties
    on host_difficulties.rule = 'difficulty' and joined.host_difficulty = host_difficulties.class_rank
  left join rules as host_densities
    on host_densities.rule = 'density' and joined.host_kind = host_densities.kind and joined.host_density = host_densities.class_rank
),

grouped as (
  select
    *,
    case when group_difficulty is null then kind_code else kind_code || ':' || group_difficulty || ':' || group_density end
      as peer_group,
    case
      when group_difficulty is null then host_kind
      else host_kind || ', ' || group_difficulty_vi || ', ' || group_density_vi
    end as peer_group_vi
  from named
)

select
  unit_code,
  kind,
  density_per_km2,
  density_class,
  density_vi,
  poor_share_pct,
  case when poor_share_pct is not null then difficulty_class end as difficulty_class,
  case when poor_share_pct is not null then difficulty_vi else 'chưa có số liệu' end as difficulty_vi,
  peer_group,
  peer_group_vi,
  joined,
  cast(count(*) over (partition by peer_group) as integer) as group_size
from grouped
