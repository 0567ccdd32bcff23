-- Incidents that each commune is to expect in the running month, by kind, and how well such choices were right: for the security
-- sector, exact. What was told of months that are over is not shown.
with newest as (
  select measure, item, max(origin) as origin from {{ ref("stg_models__hotspots") }} group by measure, item
)

select
  told.item as category,
  case when told.item = 'all' then 'Tất cả' else {{ incident_kind_name("told.item") }} end as category_name,
  told.unit_code,
  units.name as unit_name,
  told.month,
  told.expected,
  cast(told.rank as integer) as rank,
  told.hot,
  before.value as last_month,
  told.pei,
  told.pai,
  told.pei_count,
  cast(told.months_scored as integer) as months_scored
from {{ ref("stg_models__hotspots") }} as told
inner join newest on told.measure = newest.measure and told.item = newest.item and told.origin = newest.origin
inner join {{ ref("dim_unit") }} as units on told.unit_code = units.unit_code
left join {{ ref("int_measure") }} as before
  on told.measure = before.measure
    and case when told.item = 'all' then '' else told.item end = before.item
    and told.unit_code = before.unit_code
    and told.origin = before.month
cross join {{ ref("int_moment") }} as moment
where told.measure in ('incidents', 'incidents_by_kind')
  and told.month >= cast(date_trunc('month', moment.today) as date)
