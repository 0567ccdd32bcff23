-- The five parts of each commune's capacity with their place in the peer group.
with ranked as (
  select
    *,
    case
      when score is not null
        then rank() over (
          partition by part, period_start, peer_group order by score desc nulls last
        )
    end as place,
    count(score) over (partition by part, period_start, peer_group) as peers
  from {{ ref("int_capacity_part") }}
)

select
  ranked.unit_code,
  ranked.unit_name,
  ranked.peer_group,
  ranked.period_start,
  ranked.part,
  ranked.part_vi,
  ranked.part_order,
  ranked.part_weight,
  ranked.score,
  cast(ranked.place as integer) as rank,
  cast(case when ranked.score is not null then ranked.peers end as integer) as peers,
  cast(before.place - ranked.place as integer) as delta_rank,
  ranked.evidence_vi,
  ranked.missing_vi
from ranked
left join ranked as before
  on ranked.unit_code = before.unit_code
    and ranked.part = before.part
    and before.period_start = ranked.period_start - interval '1' month
