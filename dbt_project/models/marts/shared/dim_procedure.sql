-- Procedures by the newest report that names them: the catalogue is the province's, communes may lag behind it.
with named as (
  select
    procedure_code,
    procedure_name,
    field,
    row_number() over (
      partition by procedure_code order by month desc, count(*) desc, procedure_name asc, field asc
    ) as from_best
  from {{ ref("stg_one_stop__procedures") }}
  group by procedure_code, month, procedure_name, field
)

select procedure_code, procedure_name as name_vi, field as field_vi
from named
where from_best = 1
