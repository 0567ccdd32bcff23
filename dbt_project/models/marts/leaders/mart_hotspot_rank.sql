-- Where the running month is likeliest to bring most petitions and incidents: the tenth of the communes that is called hot, by rank.
-- Without counts, which are the sectors' own.
with newest as (
  select measure, item, max(origin) as origin from {{ ref("stg_models__hotspots") }} group by measure, item
)

select
  case when told.measure like 'petitions%' then 'petitions' else 'incidents' end as subject,
  case when told.measure like 'petitions%' then 'Đơn khiếu nại, tố cáo, phản ánh' else 'Vụ việc an ninh trật tự' end as subject_vi,
  told.item,
  case when told.item = 'all' then 'Tất cả' else items.name_vi end as item_vi,
  told.unit_code,
  units.name as unit_name,
  told.month,
  cast(told.rank as integer) as rank,
  told.pei,
  cast(told.months_scored as integer) as months_scored
from {{ ref("stg_models__hotspots") }} as told
inner join newest on told.measure = newest.measure and told.item = newest.item and told.origin = newest.origin
inner join {{ ref("dim_unit") }} as units on told.unit_code = units.unit_code
left join {{ ref("indicator_items") }} as items on told.measure = items.indicator_code and told.item = items.item
where told.hot
