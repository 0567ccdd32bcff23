-- Communes that get a support roadmap this year, since when and why: of special difficulty since the year's first month, or among
-- the lowest by capacity since the month in which they first were this year.
with rules as (
  {{ rule_values("support_roadmap", ["lowest_share"]) }}
),

newest as (
  select
    coalesce(
      max(case when known >= 0.5 then period_start end),
      max(period_start)
    ) as month_now
  from (
    select period_start, avg(case when score is null then 0.0 else 1.0 end) as known
    from {{ ref("int_capacity_score") }}
    group by period_start
  ) as shares
),

scores as (
  select
    scores.unit_code,
    scores.unit_name,
    scores.peer_group,
    scores.period_start,
    scores.score,
    case
      when scores.score is not null
        then 100.0 * rank() over (partition by scores.period_start order by scores.score nulls last)
          <= rules.lowest_share * count(scores.score) over (partition by scores.period_start)
    end as lowest
  from {{ ref("int_capacity_score") }} as scores
  cross join rules
),

this_year as (
  select scores.*, newest.month_now
  from scores
  cross join newest
  where scores.period_start between cast(date_trunc('year', newest.month_now) as date) and newest.month_now
),

units as (
  select
    unit_code,
    min(unit_name) as unit_name,
    min(peer_group) as peer_group,
    min(month_now) as month_now,
    min(period_start) as first_month,
    min(case when lowest then period_start end) as fell_month
  from this_year
  group by unit_code
)

select
  units.unit_code,
  units.unit_name,
  units.peer_group,
  units.month_now,
  case when groups.difficulty_class in ('hard', 'very_hard') then units.first_month else units.fell_month end as start_month,
  nullif(
    concat(
      case when groups.difficulty_class in ('hard', 'very_hard') then groups.kind || ' ' || groups.difficulty_vi || '. ' else '' end,
      case
        when units.fell_month is not null
          then 'Điểm năng lực ' || {{ vietnamese_number("fallen.score") }} || ', trong '
            || {{ vietnamese_number("rules.lowest_share", 0) }} || ' % thấp nhất tỉnh từ tháng '
            || cast(extract(month from units.fell_month) as varchar) || '/'
            || cast(extract(year from units.fell_month) as varchar) || '. '
        else ''
      end
    ),
    ''
  ) as why_vi
from units
cross join rules
left join {{ ref("int_peer_group") }} as groups on units.unit_code = groups.unit_code
left join scores as fallen on units.unit_code = fallen.unit_code and units.fell_month = fallen.period_start
where groups.difficulty_class in ('hard', 'very_hard') or units.fell_month is not null
