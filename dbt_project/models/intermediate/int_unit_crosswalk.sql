-- Old units and the units of today that took them over; a unit of today leads to itself.
select
  level,
  old_code,
  new_code,
  effective_date,
  weight,
  -- loads of before the basis was told gave equal shares
  coalesce(weight_by, case when apportioned then 'equal' else 'whole' end) as weight_by,
  apportioned
from {{ ref("stg_admin__unit_changes") }}
