-- Budget revenue and public investment by commune and month, in million VND. In the newest month, which has only begun, what was
-- collected in the year so far stands for a commune that has not delivered yet; of months before, a missing one is missing.
with delivered as (
  select
    commune_code as unit_code,
    month,
    budget_year,
    sum(revenue) as budget_revenue
  from {{ ref("int_budget_month") }}
  group by commune_code, month, budget_year
),

newest as (select max(month) as month from delivered),

communes as (
  select unit_code, month, budget_year, budget_revenue from delivered
  union all
  select delivered.unit_code, newest.month, delivered.budget_year, null
  from delivered
  inner join newest on delivered.budget_year = extract(year from newest.month)
  group by delivered.unit_code, newest.month, delivered.budget_year
  having max(delivered.month) < newest.month
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

{{ long_measures("budget", ["budget_revenue", "budget_revenue_ytd", "budget_estimate_year"]) }}
union all
{{ long_measures("by_kind", ["budget_revenue_by_kind"], "revenue_kind") }}
union all
{{ long_measures(
  "investment",
  ["investment_plan_pm", "investment_plan_full", "investment_paid_cumulative", "investment_paid", "projects"]
) }}
