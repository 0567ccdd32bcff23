-- Persons insured at the month's end and those they are a share of. The two kinds of social insurance have the same base.
with by_kind as (
  select
    commune_code as unit_code,
    month,
    sum(insured) filter (where insurance_kind = 'health') as insured_health,
    max(population_base) filter (where insurance_kind = 'health') as population_health,
    sum(insured) filter (where insurance_kind = 'social_compulsory') as compulsory,
    sum(insured) filter (where insurance_kind = 'social_voluntary') as voluntary,
    max(population_base) filter (where insurance_kind <> 'health') as working_age
  from {{ ref("stg_insurance__coverage") }}
  where commune_code in ({{ our_communes() }})
  group by commune_code, month
),

summed as (
  select
    unit_code,
    month,
    insured_health,
    population_health,
    compulsory + voluntary as insured_social,
    case when compulsory + voluntary is not null then working_age end as population_social
  from by_kind
)

{{ long_measures("summed", ["insured_health", "population_health", "insured_social", "population_social"]) }}
