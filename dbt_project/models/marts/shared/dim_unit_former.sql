-- Units of before a reorganisation. One that goes on under its code and name, taking others in or not, is told apart.
with old_units as (
  select
    changes.level,
    changes.old_code,
    max(changes.old_name) as old_name,
    max(changes.former_name) as former_name,
    max(changes.old_province_code) as old_province_code,
    max(changes.effective_date) as dissolved_on,
    count(*) as successors,
    max(case when changes.new_code = changes.old_code and units.name = changes.old_name then 1 else 0 end) = 1 as goes_on
  from {{ ref("stg_admin__unit_changes") }} as changes
  left join {{ ref("dim_unit") }} as units on changes.new_code = units.unit_code
  group by changes.level, changes.old_code
)

select
  old_units.level,
  old_units.old_code,
  old_units.old_name,
  old_units.former_name,
  old_units.old_province_code,
  provinces.old_name as old_province_name,
  old_units.dissolved_on,
  cast(old_units.successors as integer) as successors,
  old_units.successors > 1 as split,
  old_units.goes_on
from old_units
left join old_units as provinces
  on old_units.old_province_code = provinces.old_code and provinces.level = 'province'
