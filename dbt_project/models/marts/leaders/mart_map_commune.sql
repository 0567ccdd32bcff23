-- One row a polygon part and month of the last twelve: the map of dossiers handled on time.
select
  figures.unit_code,
  figures.unit_name as commune_name,
  figures.month,
  shapes.part,
  shapes.ring,
  shapes.shape_kind,
  shapes.shape_label,
  figures.on_time_ratio_pct,
  figures.denominator,
  figures.withheld_reason
from {{ ref("mart_one_stop_month") }} as figures
inner join {{ ref("mart_commune_shape") }} as shapes on figures.unit_code = shapes.unit_code
where figures.level = 'commune'
  and figures.month >= (select max(month) - interval '12' month from {{ ref("mart_one_stop_month") }})
