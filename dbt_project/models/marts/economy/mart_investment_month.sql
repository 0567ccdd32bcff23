-- Public investment by project and month reported, with both denominators (TT 15/2021/TT-BTC).
select
  projects.project_code,
  projects.project_name,
  projects.commune_code,
  units.name as commune_name,
  projects.month,
  projects.plan_by_prime_minister,
  projects.plan_full_year,
  projects.paid_cumulative,
  projects.paid,
  case when projects.plan_by_prime_minister > 0 then 100.0 * projects.paid_cumulative / projects.plan_by_prime_minister end
    as paid_of_prime_minister_plan_pct,
  case when projects.plan_full_year > 0 then 100.0 * projects.paid_cumulative / projects.plan_full_year end
    as paid_of_full_plan_pct
from {{ ref("int_investment_month") }} as projects
inner join {{ ref("dim_unit") }} as units on projects.commune_code = units.unit_code
