-- Budget revenue and public investment by commune and month, in million VND.
with communes as (
  select
    commune_code as unit_code,
    month,
    budget_year,
    sum(revenue) as budget_revenue
  from {{ ref("int_budget_month") }}
  group by commune_code, month, budget_year
),

estimates as (
  select commune_code, budget_year, sum(estimate_year) as budget_estimate_year
  from (
    select distinct commune_code, budget_year, revenue_kind, estimate_year from {{ ref("int_budget_month") }}
  ) as kinds
  group by commune_code, budget_year
),

budget as (
  select
    communes.unit_code,
    communes.month,
    communes.budget_revenue,
    case
      when date_trunc('year', communes.month) >= {{ first_month("finance.budget_revenue") }}
        then sum(communes.budget_revenue) over (
          partition by communes.unit_code, communes.budget_year order by communes.month
        )
    end as budget_revenue_ytd,
    estimates.budget_estimate_year
  from communes
  left join estimates
    on communes.unit_code = estimates.commune_code and communes.budget_year = estimates.budget_year
),

by_kind as (
  select commune_code as unit_code, month, revenue_kind, revenue as budget_revenue_by_kind
  from {{ ref("int_budget_month") }}
),

investment as (
  select
    commune_code as unit_code,
    month,
    sum(plan_by_prime_minister) as investment_plan_pm,
    sum(plan_full_year) as investment_plan_full,
    sum(paid_cumulative) as investment_paid_cumulative,
    -- a sum with an unknown part is unknown
    case when count(paid) = count(*) then sum(paid) end as investment_paid,
    count(*) as projects
  from {{ ref("int_investment_month") }}
  group by commune_code, month
)

{{ as_measures("budget", ["budget_revenue", "budget_revenue_ytd", "budget_estimate_year"]) }}
union all
{{ as_measures("by_kind", ["budget_revenue_by_kind"], "revenue_kind") }}
union all
{{ as_measures(
  "investment",
  ["investment_plan_pm", "investment_plan_full", "investment_paid_cumulative", "investment_paid", "projects"]
) }}
