-- The newest warnings with exact figures: for the health sector.
select
  warnings.origin,
  warnings.unit_code,
  units.name as unit_name,
  units.level,
  units.province_code,
  warnings.disease_code,
  diseases.name_vi as disease_name,
  warnings.grain,
  warnings.period_start,
  warnings.kind,
  warnings.cases,
  warnings.expected,
  warnings.upper_limit,
  warnings.probability,
  warnings.severity
from {{ ref("stg_models__warnings") }} as warnings
inner join {{ ref("dim_unit") }} as units on warnings.unit_code = units.unit_code
inner join {{ ref("dim_disease") }} as diseases on warnings.disease_code = diseases.disease_code
where warnings.origin = (select max(origin) from {{ ref("int_told_month") }} where dataset = 'models.warnings')
