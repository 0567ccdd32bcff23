with population as (
  select province_code as unit_code, arg_max(population, month) as population
  from {{ ref("int_disease_province_month") }}
  where population is not null
  group by province_code
  union all
  select unit_code, arg_max(population, year)
  from {{ ref("int_population_year") }}
  group by unit_code
)

select
  units.unit_code,
  units.level,
  units.province_code,
  clusters.cluster_code,
  clusters.cluster_name,
  units.name,
  units.short_name,
  units.kind,
  units.area_km2,
  units.latitude,
  units.longitude,
  cast(population.population as bigint) as population,
  units.valid_from,
  cast(null as date) as valid_to
from {{ ref("stg_admin__units") }} as units
left join population on units.unit_code = population.unit_code
left join {{ ref("int_unit_cluster") }} as clusters on units.unit_code = clusters.unit_code
