-- Persons in poor households against residents, by commune of the province, by the latest yearly list in force: that of the
-- next year is still being drawn up.
-- A commune without an entry in a list that others have has none; without residents there is no rate.
with newest as (
  select max(year) as year
  from {{ ref("stg_poverty__households") }}
  where year <= (select extract(year from {{ local_time("max(updated_at)") }}) from {{ ref("stg_poverty__households") }})
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
),

measured as (
  select
    units.unit_code,
    newest.year,
    case when newest.year is not null then coalesce(poor.persons, 0) end as poor_persons,
    coalesce(residents.residents, units.population) as residents
  from {{ ref("dim_unit") }} as units
  cross join newest
  left join poor on units.unit_code = poor.commune_code
  left join residents on units.unit_code = residents.commune_code
  where units.level = 'commune' and units.province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
),

province as (
  select 1.0 * sum(poor_persons) / nullif(sum(residents), 0) as share
  from measured
  where residents is not null
)

select
  measured.unit_code,
  measured.year,
  measured.poor_persons,
  measured.residents,
  100.0 * measured.poor_persons / nullif(measured.residents, 0) as poor_share_pct,
  1.0 * measured.poor_persons / nullif(measured.residents, 0) / nullif(province.share, 0) as times_province
from measured
cross join province
