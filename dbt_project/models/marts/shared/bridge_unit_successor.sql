-- Old unit → unit of today, dated, with the share of the old one that went there. Shares of an old unit sum to 1.
select
  crosswalk.level,
  crosswalk.old_code,
  changes.old_name,
  changes.old_province_code,
  crosswalk.new_code,
  units.name as new_name,
  units.province_code as new_province_code,
  crosswalk.effective_date,
  crosswalk.weight,
  crosswalk.weight_by,
  crosswalk.apportioned
from {{ ref("int_unit_crosswalk") }} as crosswalk
inner join {{ ref("stg_admin__unit_changes") }} as changes
  on crosswalk.level = changes.level
    and crosswalk.old_code = changes.old_code
    and crosswalk.new_code = changes.new_code
left join {{ ref("dim_unit") }} as units on crosswalk.new_code = units.unit_code
