-- The shape of every commune on a map, one row a polygon part: its boundary where one is given, else a cell around its centre.
with shapes as (
  select unit_code, part, ring, 'boundary' as shape_kind from {{ ref("stg_admin__boundaries") }}
  union all
  select unit_code, part, ring, 'cell' as shape_kind
  from {{ ref("stg_admin__cells") }}
  where unit_code not in (select unit_code from {{ ref("stg_admin__boundaries") }})
)

select
  shapes.unit_code,
  units.name as commune_name,
  shapes.part,
  shapes.ring,
  shapes.shape_kind,
  case shapes.shape_kind
    when 'boundary' then 'Ranh giới'
    else 'Ô quanh tâm xã, không phải ranh giới'
  end as shape_label
from shapes
inner join {{ ref("dim_unit") }} as units on shapes.unit_code = units.unit_code
where shapes.unit_code in ({{ our_communes() }})
