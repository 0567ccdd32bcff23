-- Each case at its commune and at its province, by today's units.
select cases.commune_code as unit_code, 'commune' as level, cases.disease_code, cases.week_start, cases.month
from {{ ref("int_case") }} as cases
union all
select units.province_code, 'province', cases.disease_code, cases.week_start, cases.month
from {{ ref("int_case") }} as cases
inner join {{ ref("dim_unit") }} as units on cases.commune_code = units.unit_code
