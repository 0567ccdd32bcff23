-- Old units and the units of today that took them over; a unit of today leads to itself.
select level, old_code, new_code, effective_date, weight, apportioned
from {{ ref("stg_admin__unit_changes") }}
