-- On-time handling by commune and month, and for the province. The score is linear in the ratio (QĐ 766 [2]).
with counted as (
  select
    commune_code,
    month,
    count(*) filter (where received_in_month) as received,
    count(*) filter (where on_time) as numerator,
    count(*) as denominator
  from {{ ref("int_dossier_month") }}
  group by commune_code, month
),

levels as (
  select commune_code as unit_code, month, received, numerator, denominator from counted
  union all
  select units.province_code, month, sum(received), sum(numerator), sum(denominator)
  from counted
  inner join {{ ref("dim_unit") }} as units on counted.commune_code = units.unit_code
  group by units.province_code, month
),

-- every commune in every month: one that sent nothing is shown as such
grid as (
  select units.unit_code, units.name, units.level, units.province_code, months.month
  from {{ ref("dim_unit") }} as units
  cross join (select distinct month from counted where month >= {{ first_month("one_stop.dossiers") }}) as months
  where units.province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
),

judged as (
  select
    grid.unit_code,
    grid.name as unit_name,
    grid.level,
    grid.province_code,
    grid.month,
    coalesce(levels.received, 0) as received,
    coalesce(levels.numerator, 0) as numerator,
    coalesce(levels.denominator, 0) as denominator,
    case
      when coalesce(levels.denominator, 0) = 0 then 'Không có hồ sơ nào được gửi về trong kỳ'
      else withheld.reason
    end as withheld_reason
  from grid
  left join levels on grid.unit_code = levels.unit_code and grid.month = levels.month
  left join {{ ref("int_withheld") }} as withheld
    on withheld.indicator_code = 'one_stop_on_time_ratio' and grid.month = withheld.month
),

scored as (
  select
    judged.*,
    case when withheld_reason is null then {{ settled("100.0 * numerator / denominator") }} end as on_time_ratio_pct
  from judged
)

select
  unit_code,
  unit_name,
  level,
  province_code,
  month,
  cast(received as bigint) as received,
  cast(numerator as bigint) as numerator,
  cast(denominator as bigint) as denominator,
  on_time_ratio_pct,
  on_time_ratio_pct / 100 * (
    select points from {{ ref("dim_indicator") }} where indicator_code = 'one_stop_timeliness_score'
  ) as score,
  case
    when on_time_ratio_pct is not null
      then cast(rank() over (partition by level, month order by on_time_ratio_pct desc nulls last) as integer)
  end as rank,
  withheld_reason
from scored
