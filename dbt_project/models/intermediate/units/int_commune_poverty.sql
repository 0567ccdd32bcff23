-- Persons in poor households of the latest yearly list against residents, by commune of the province.
-- A commune without an entry in a list that others have has none; without residents there is no rate.
with newest as (
  select max(year) as year from {{ ref("stg_poverty__households") }}
),

poor as (
  select commune_code, sum(persons) as persons
  from {{ ref("stg_poverty__households") }}
  where status = 'poor' and year = (select year from newest)
  group by commune_code
),

monthly as (
  select commune_code, month, sum(residents) as residents
  from {{ ref("stg_population__residents") }}
  group by commune_code, month
),

residents as (
  select commune_code, arg_max(residents, month) as residents
  from monthly
  group by commune_code
)

select
  units.unit_code,
  newest.year,
  case when newest.year is not null then coalesce(poor.persons, 0) end as poor_persons,
  coalesce(residents.residents, units.population) as residents,
  case
    when newest.year is not null
      then 100.0 * coalesce(poor.persons, 0) / nullif(coalesce(residents.residents, units.population), 0)
  end as poor_share_pct
from {{ ref("dim_unit") }} as units
cross join newest
left join poor on units.unit_code = poor.commune_code
left join residents on units.unit_code = residents.commune_code
where units.level = 'commune' and units.province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
