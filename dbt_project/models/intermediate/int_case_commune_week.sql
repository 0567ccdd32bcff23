-- Cases by commune, disease and week (from Monday), with zeros, from the first week to the last complete one.
with bounds as (
  select min(week_start) as first_week, cast(date_trunc('week', max(updated_at)) as date) as this_week
  from {{ ref("int_case") }}
),

weeks as (
  select day as week_start
  from ({{ date_series("(select first_week from bounds)", "(select this_week from bounds)", "week") }}) as days
  where day < (select this_week from bounds)
),

diseases as (select distinct disease_code from {{ ref("int_case") }}),

communes as (
  select unit_code as commune_code
  from {{ ref("stg_admin__units") }}
  where level = 'commune' and province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
),

counts as (
  select commune_code, disease_code, week_start, count(*) as cases
  from {{ ref("int_case") }}
  group by commune_code, disease_code, week_start
)

select communes.commune_code, diseases.disease_code, weeks.week_start, coalesce(counts.cases, 0) as cases
from communes
cross join diseases
cross join weeks
left join counts
  on communes.commune_code = counts.commune_code
    and diseases.disease_code = counts.disease_code
    and weeks.week_start = counts.week_start
