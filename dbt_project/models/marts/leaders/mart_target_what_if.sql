-- What if the year's target were lower or higher: how likely it would be, and what each month that is left would have to add.
with shares as (select goal_pct from (values (90), (95), (100), (105), (110)) as shares (goal_pct)),

told as (
  select
    outlook.*,
    cast(shares.goal_pct as integer) as goal_pct,
    outlook.goal * shares.goal_pct / 100.0 as goal_then,
    case shares.goal_pct
      when 90 then known.chance_90
      when 95 then known.chance_95
      when 100 then known.chance
      when 105 then known.chance_105
      else known.chance_110
    end as chance_then
  from {{ ref("mart_year_end_outlook") }} as outlook
  inner join {{ ref("stg_models__outlooks") }} as known
    on outlook.indicator_code = known.indicator_code
      and outlook.unit_code = known.unit_code
      and outlook.origin = known.origin
  cross join shares
)

select
  indicator_code,
  indicator_name,
  theme,
  unit_code,
  unit_name,
  level,
  origin,
  months_left,
  goal_pct,
  {{ settled("goal_then") }} as goal,
  so_far,
  {{ needed_per_month("goal_then", "so_far", "months_left") }} as needed_per_month,
  reached_per_month,
  chance_then as chance,
  {{ outlook_vi("chance_then", "so_far", "goal_then") }} as outlook_vi
from told
where chance_then is not null
