-- Budget revenue by commune, month and kind with the year's newest estimate. Months that are known in part only are left out,
-- and so is the sum since the year's beginning of a year that is.
with told as (
  select
    commune_code,
    cast(date_trunc('month', day) as date) as month,
    budget_year,
    revenue_kind,
    revenue_million_vnd,
    estimate_million_vnd,
    row_number() over (
      partition by commune_code, budget_year, revenue_kind
      order by case when estimate_million_vnd is null then 1 else 0 end, day desc, updated_at desc, record_id desc
    ) as newest_estimate
  from {{ ref("stg_finance__budget_revenue") }}
  where commune_code in ({{ our_communes() }})
),

counted as (
  select commune_code, month, budget_year, revenue_kind, sum(revenue_million_vnd) as revenue
  from told
  where month >= {{ first_month("finance.budget_revenue") }}
  group by commune_code, month, budget_year, revenue_kind
),

estimates as (
  select commune_code, budget_year, revenue_kind, estimate_million_vnd as estimate
  from told
  where newest_estimate = 1
)

select
  counted.commune_code,
  counted.month,
  counted.budget_year,
  counted.revenue_kind,
  counted.revenue,
  case
    when date_trunc('year', counted.month) >= {{ first_month("finance.budget_revenue") }}
      then sum(counted.revenue) over (
        partition by counted.commune_code, counted.budget_year, counted.revenue_kind order by counted.month
      )
  end as revenue_ytd,
  estimates.estimate as estimate_year
from counted
left join estimates
  on counted.commune_code = estimates.commune_code
    and counted.budget_year = estimates.budget_year
    and counted.revenue_kind = estimates.revenue_kind
