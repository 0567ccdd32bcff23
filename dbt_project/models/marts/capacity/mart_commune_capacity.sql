-- Each commune's capacity by month: score, place among its peers, and who improved most in six months. Two scores are compared
-- only where the same parts were scored both times.
with parts as (
  select
    unit_code,
    period_start,
    max(case when part = 'workload' then score end) as workload_score,
    max(case when part = 'timeliness' then score end) as timeliness_score,
    max(case when part = 'digital' then score end) as digital_score,
    max(case when part = 'discipline' then score end) as discipline_score,
    max(case when part = 'results' then score end) as results_score
  from {{ ref("int_capacity_part") }}
  group by unit_code, period_start
),

weakest as (
  select
    unit_code,
    period_start,
    part_vi,
    row_number() over (partition by unit_code, period_start order by score, part_order) as nth
  from {{ ref("int_capacity_part") }}
  where score is not null
),

ranked as (
  select
    *,
    case
      when score is not null then rank() over (partition by period_start, peer_group order by score desc nulls last)
    end as place,
    count(score) over (partition by period_start, peer_group) as peers
  from {{ ref("int_capacity_score") }}
),

compared as (
  select
    ranked.*,
    before.place - ranked.place as delta_rank,
    case when half_year.parts_known = ranked.parts_known then half_year.score end as score_6_months_before
  from ranked
  left join ranked as before
    on ranked.unit_code = before.unit_code and before.period_start = ranked.period_start - interval '1' month
  left join ranked as half_year
    on ranked.unit_code = half_year.unit_code and half_year.period_start = ranked.period_start - interval '6' month
),

improved as (
  select
    *,
    score - score_6_months_before as gain,
    case
      when score - score_6_months_before is not null
        then rank() over (
          partition by period_start, peer_group order by score - score_6_months_before desc nulls last
        )
    end as gain_place
  from compared
)

select
  improved.unit_code,
  improved.unit_name,
  improved.peer_group,
  groups.peer_group_vi,
  groups.difficulty_vi,
  improved.period_start,
  coalesce(
    improved.period_start = (
      select max(period_start)
      from (
        select period_start, avg(case when score is null then 0.0 else 1.0 end) as known from improved group by period_start
      ) as shares
      where known >= 0.5
    ),
    false
  ) as latest,
  improved.score,
  parts.workload_score,
  parts.timeliness_score,
  parts.digital_score,
  parts.discipline_score,
  parts.results_score,
  cast(improved.parts_scored as integer) as parts_scored,
  cast(improved.parts as integer) as parts,
  cast(improved.place as integer) as rank,
  cast(case when improved.score is not null then improved.peers end as integer) as peers,
  cast(improved.delta_rank as integer) as delta_rank,
  improved.score_6_months_before,
  improved.gain as gain_6_months,
  cast(improved.gain_place as integer) as gain_rank,
  weakest.part_vi as weakest_part_vi,
  improved.missing_vi
from improved
inner join parts on improved.unit_code = parts.unit_code and improved.period_start = parts.period_start
left join weakest
  on improved.unit_code = weakest.unit_code and improved.period_start = weakest.period_start and weakest.nth = 1
left join {{ ref("int_peer_group") }} as groups on improved.unit_code = groups.unit_code
