-- Public investment by project and month reported. What was paid in the month itself is the difference to the month before:
-- in January all of it, of a project that the last report did not have yet all of it too, and unknown when that report is missing.
with reported as (select distinct month from {{ ref("stg_finance__investment_projects") }}),

projects as (
  select
    projects.project_code,
    projects.project_name,
    projects.commune_code,
    projects.month,
    projects.plan_by_prime_minister,
    projects.plan_full_year,
    projects.paid_cumulative,
    before.paid_cumulative as paid_before,
    reported.month is not null as reported_before
  from {{ ref("stg_finance__investment_projects") }} as projects
  left join {{ ref("stg_finance__investment_projects") }} as before
    on projects.project_code = before.project_code
      and before.month = projects.month - interval '1' month
  left join reported on reported.month = projects.month - interval '1' month
  where projects.commune_code in ({{ our_communes() }})
)

select
  project_code,
  project_name,
  commune_code,
  month,
  plan_by_prime_minister,
  plan_full_year,
  paid_cumulative,
  case
    when extract(month from month) = 1 then paid_cumulative
    when reported_before then paid_cumulative - coalesce(paid_before, 0)
  end as paid
from projects
