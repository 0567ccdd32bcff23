{# Exact cases and incidence by unit, disease and period: a column of int_case_unit, week_start or month. #}
{% macro cases_by_unit(period) -%}
with counted as (
  select unit_code, level, disease_code, {{ period }}, count(*) as cases
  from {{ ref("int_case_unit") }}
  group by unit_code, level, disease_code, {{ period }}
)

select
  counted.unit_code,
  units.name as unit_name,
  counted.level,
  units.province_code,
  counted.disease_code,
  diseases.name_vi as disease_name,
  counted.{{ period }},
  counted.cases,
  coalesce(monthly.population, communes.population, units.population) as population,
  100000.0 * counted.cases / coalesce(monthly.population, communes.population, units.population) as incidence_per_100k,
  case
    when coalesce(monthly.population, communes.population, units.population) is null
      then 'Chưa có dân số của đơn vị nên chưa tính được tỷ lệ mới mắc'
  end as incidence_withheld_reason
from counted
inner join {{ ref("dim_unit") }} as units on counted.unit_code = units.unit_code
inner join {{ ref("dim_disease") }} as diseases on counted.disease_code = diseases.disease_code
left join {{ ref("int_disease_province_month") }} as monthly
  on counted.unit_code = monthly.province_code
    and counted.disease_code = monthly.disease_code
    and cast(date_trunc('month', counted.{{ period }}) as date) = monthly.month
left join {{ ref("int_population_year") }} as communes
  on counted.unit_code = communes.unit_code
    and extract(year from counted.{{ period }}) = communes.year
{%- endmacro %}
