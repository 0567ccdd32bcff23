-- Figures of communes as leaders may know them, of months that are over. Hidden: known, but too small to be told; that is
-- something else than missing.
select
  told.indicator_code,
  told.base_code,
  told.item,
  told.theme,
  told.indicator_name,
  told.unit,
  told.unit_code,
  told.unit_name,
  told.peer_group,
  told.period_start,
  told.value,
  told.target,
  told.direction,
  told.status,
  told.value is null and exact.value is not null as hidden,
  told.withheld_reason
from {{ ref("mart_indicator") }} as told
left join {{ ref("int_indicator") }} as exact
  on told.base_code = exact.indicator_code
    and told.item = exact.item
    and told.unit_code = exact.unit_code
    and told.period_start = exact.month
where told.level = 'commune' and told.complete
