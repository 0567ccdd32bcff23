-- Reporting discipline by commune, dataset and month. Where no row may mean no event only what came is expected; of restricted
-- datasets of that kind the days with a delivery tell of events, so that they stay out.
select
  deliveries.unit_code,
  units.name as unit_name,
  deliveries.dataset,
  contracts.title,
  deliveries.month,
  deliveries.expected,
  deliveries.delivered,
  deliveries.on_time,
  deliveries.late,
  deliveries.missing,
  100.0 * deliveries.delivered / nullif(deliveries.expected, 0) as delivered_pct,
  100.0 * deliveries.on_time / nullif(deliveries.timed, 0) as on_time_pct,
  contracts.every_unit
from {{ ref("int_delivery_month") }} as deliveries
inner join {{ contracts() }} as contracts on deliveries.dataset = contracts.dataset
inner join {{ ref("dim_unit") }} as units
  on deliveries.unit_code = units.unit_code
    and units.level = 'commune'
    and units.province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
where deliveries.expected > 0
  and (contracts.every_unit or contracts.secrecy <> 'restricted')
