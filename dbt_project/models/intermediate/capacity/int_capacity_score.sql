-- A commune's capacity by month: the weighted mean of the parts that could be scored, and none where they weigh too little together.
with rules as (
  {{ rule_values("commune_capacity", ["score_known_least"]) }}
),

summed as (
  select
    unit_code,
    unit_name,
    peer_group,
    period_start,
    sum(part_weight) as weight,
    sum(case when score is not null then part_weight end) as weight_known,
    sum(part_weight * score) as points,
    count(score) as parts_scored,
    count(*) as parts,
    {{ joined_texts("case when score is not null then part end", ",", "part_order") }} as parts_known,
    {{ joined_texts("case when score is null then part_vi || ' (' || coalesce(missing_vi, '') || ')' end", "; ", "part_order") }} as missing_vi
  from {{ ref("int_capacity_part") }}
  group by unit_code, unit_name, peer_group, period_start
)

select
  summed.unit_code,
  summed.unit_name,
  summed.peer_group,
  summed.period_start,
  case
    when 100.0 * summed.weight_known / summed.weight >= rules.score_known_least then summed.points / summed.weight_known
  end as score,
  summed.parts_scored,
  summed.parts,
  summed.parts_known,
  'Chưa chấm: ' || summed.missing_vi as missing_vi
from summed
cross join rules
