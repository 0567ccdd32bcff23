-- Budget revenue by unit, month and kind, and in total, beside the year's estimate and the same month of the year before.
-- Months are compared once they have ended. The province is the sum of the communes that delivered.
with kinds as (
  select commune_code as unit_code, month, budget_year, revenue_kind, revenue, estimate_year
  from {{ ref("int_budget_month") }}
),

levels as (
  select unit_code, month, budget_year, revenue_kind, revenue, 1 as units_reporting from kinds
  union all
  select unit_code, month, budget_year, 'total', {{ settled("sum(revenue)") }}, 1
  from kinds
  group by unit_code, month, budget_year
  union all
  select '{{ env_var("KHO_PROVINCE", "68") }}', month, budget_year, revenue_kind, {{ settled("sum(revenue)") }}, count(distinct kinds.unit_code)
  from kinds
  group by month, budget_year, revenue_kind
  union all
  select '{{ env_var("KHO_PROVINCE", "68") }}', month, budget_year, 'total', {{ settled("sum(revenue)") }}, count(distinct kinds.unit_code)
  from kinds
  group by month, budget_year
),

commune_estimates as (select distinct unit_code, budget_year, revenue_kind, estimate_year from kinds),

estimates as (
  select unit_code, budget_year, revenue_kind, estimate_year from commune_estimates
  union all
  select unit_code, budget_year, 'total', {{ settled("sum(estimate_year)") }}
  from commune_estimates
  group by unit_code, budget_year
  union all
  select '{{ env_var("KHO_PROVINCE", "68") }}', budget_year, revenue_kind, {{ settled("sum(estimate_year)") }}
  from commune_estimates
  group by budget_year, revenue_kind
  union all
  select '{{ env_var("KHO_PROVINCE", "68") }}', budget_year, 'total', {{ settled("sum(estimate_year)") }}
  from commune_estimates
  group by budget_year
),

summed as (
  select
    levels.*,
    case
      when date_trunc('year', levels.month) >= {{ first_month("finance.budget_revenue") }}
        then {{ settled(
          "sum(levels.revenue) over (partition by levels.unit_code, levels.budget_year, levels.revenue_kind order by levels.month)"
        ) }}
    end as revenue_ytd
  from levels
),

compared as (
  select
    now.*,
    before.revenue as revenue_last_year,
    before.revenue_ytd as revenue_ytd_last_year,
    {{ has_ended("now.month") }} as ended
  from summed as now
  left join summed as before
    on now.unit_code = before.unit_code
      and now.revenue_kind = before.revenue_kind
      and before.month = now.month - interval '1' year
)

select
  compared.unit_code,
  units.name as unit_name,
  units.level,
  units.province_code,
  compared.month,
  compared.revenue_kind,
  case compared.revenue_kind
    when 'total' then 'Tổng thu'
    when 'enterprise_tax' then 'Thuế doanh nghiệp'
    when 'household_business_tax' then 'Thuế hộ kinh doanh'
    when 'land_use' then 'Tiền sử dụng đất'
    when 'fees' then 'Phí, lệ phí'
    else compared.revenue_kind
  end as revenue_kind_name,
  cast(compared.units_reporting as bigint) as units_reporting,
  compared.revenue,
  compared.revenue_ytd,
  estimates.estimate_year,
  case when estimates.estimate_year > 0 then 100.0 * compared.revenue_ytd / estimates.estimate_year end as estimate_share_pct,
  compared.revenue_last_year,
  compared.revenue_ytd_last_year,
  case when compared.ended then {{ growth_pct("compared.revenue", "compared.revenue_last_year") }} end as growth_pct,
  case when compared.ended then {{ growth_pct("compared.revenue_ytd", "compared.revenue_ytd_last_year") }} end
    as growth_ytd_pct
from compared
inner join {{ ref("dim_unit") }} as units on compared.unit_code = units.unit_code
left join estimates
  on compared.unit_code = estimates.unit_code
    and compared.budget_year = estimates.budget_year
    and compared.revenue_kind = estimates.revenue_kind
