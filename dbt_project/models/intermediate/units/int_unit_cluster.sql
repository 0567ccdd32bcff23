-- Communes of today by the former district that most of the communes they were made of belonged to: districts ended on
-- 2025-07-01, yet people, roads and offices still gather as they did.
with parts as (
  select
    new_code as unit_code,
    old_district_code,
    max(old_district_name) as old_district_name,
    sum(weight) as communes
  from {{ ref("stg_admin__unit_changes") }}
  where level = 'commune' and old_district_code is not null
  group by new_code, old_district_code
),

ranked as (
  select *, row_number() over (partition by unit_code order by communes desc, old_district_code) as nth
  from parts
)

select
  units.unit_code,
  units.province_code || '-' || coalesce(ranked.old_district_code, '000') as cluster_code,
  coalesce(ranked.old_district_name || ' cũ', 'Khu vực chưa rõ') as cluster_name
from {{ ref("stg_admin__units") }} as units
left join ranked on units.unit_code = ranked.unit_code and ranked.nth = 1
where units.level = 'commune'
