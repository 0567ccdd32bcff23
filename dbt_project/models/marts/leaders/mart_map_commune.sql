-- One row a polygon part and month of the last twelve: boundaries where they are given, else cells around the centres.
with shapes as (
  select unit_code, part, ring, 'boundary' as shape_kind from {{ ref("stg_admin__boundaries") }}
  union all
  select unit_code, part, ring, 'cell' as shape_kind
  from {{ ref("stg_admin__cells") }}
  where unit_code not in (select unit_code from {{ ref("stg_admin__boundaries") }})
)

select
  figures.unit_code,
  figures.unit_name as commune_name,
  figures.month,
  shapes.part,
  shapes.ring,
  shapes.shape_kind,
  case shapes.shape_kind
    when 'boundary' then 'Ranh giới'
    else 'Ô quanh tâm xã, không phải ranh giới'
  end as shape_label,
  figures.on_time_ratio_pct,
  figures.denominator,
  figures.withheld_reason
from {{ ref("mart_one_stop_month") }} as figures
inner join shapes on figures.unit_code = shapes.unit_code
where figures.level = 'commune'
  and figures.month >= (select max(month) - interval '12' month from {{ ref("mart_one_stop_month") }})
