-- Poor and near-poor at each month's end, the running one at the last midnight, from the list of the month's year as it was known
-- then. The review for a year begins on 1 September of the year before: a list that was not read from there on is not whole.
-- By the rule from 2027 a household is poor at an income within the limit of its place and at least so many deprivations, near-poor
-- with fewer; of households that no review visited nothing is known.
with months as (
  select
    month,
    extract(year from month) as year,
    cast(until_day as timestamp) as until_moment
  from ({{ judged_months("poverty.households") }}) as months
  where date_trunc('year', month) - interval '4' month >= {{ first_month("poverty.households") }}
),

versions as (
  select
    _load_id,
    record_id,
    year,
    commune_code,
    persons,
    status,
    deprivations,
    income_thousand_vnd,
    {{ local_time("updated_at") }} as updated_at
  from {{ ref("stg_poverty__households__versions") }}
),

states as (
  select
    months.month,
    versions.commune_code,
    versions.persons,
    versions.status,
    versions.deprivations,
    versions.income_thousand_vnd,
    row_number() over (
      partition by months.month, versions.record_id order by versions.updated_at desc, versions._load_id desc
    ) as newest
  from versions
  inner join months on versions.year = months.year and versions.updated_at < months.until_moment
),

counted as (
  select
    states.month,
    states.commune_code as unit_code,
    count(*) filter (where states.status = 'poor') as poor_households,
    count(*) filter (where states.status = 'near_poor') as near_poor_households,
    sum(states.persons) filter (where states.status = 'poor') as poor_persons,
    sum(states.persons) filter (where states.status = 'near_poor') as near_poor_persons,
    sum(states.persons) filter (
      where states.income_thousand_vnd <= lines.income_thousand_vnd
        and states.deprivations >= lines.poor_from_deprivations
    ) as poor_persons_2027,
    sum(states.persons) filter (
      where states.income_thousand_vnd <= lines.income_thousand_vnd
        and states.deprivations < lines.poor_from_deprivations
    ) as near_poor_persons_2027
  from states
  inner join {{ ref("stg_admin__units") }} as units on states.commune_code = units.unit_code
  left join {{ ref("poverty_lines") }} as lines
    on units.kind = lines.unit_kind and lines.effective_from = date '2027-01-01'
  where states.newest = 1
  group by states.month, states.commune_code
),

-- a commune that is not on the province's list has no poor household
every_commune as (
  select
    communes.unit_code,
    lists.month,
    coalesce(counted.poor_households, 0) as poor_households,
    coalesce(counted.near_poor_households, 0) as near_poor_households,
    coalesce(counted.poor_persons, 0) as poor_persons,
    coalesce(counted.near_poor_persons, 0) as near_poor_persons,
    coalesce(counted.poor_persons_2027, 0) as poor_persons_2027,
    coalesce(counted.near_poor_persons_2027, 0) as near_poor_persons_2027
  from ({{ our_communes() }}) as communes
  cross join (select distinct month from states) as lists
  left join counted on communes.unit_code = counted.unit_code and lists.month = counted.month
)

{{ long_measures(
  "every_commune",
  [
    "poor_households", "near_poor_households", "poor_persons", "near_poor_persons",
    "poor_persons_2027", "near_poor_persons_2027"
  ]
) }}
