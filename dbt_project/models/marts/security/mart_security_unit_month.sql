-- Exact incidents by unit, month, kind and band of hours: for the security sector. Only where something happened.
with counted as (
  select
    commune_code as unit_code,
    month,
    category,
    hour_band,
    count(*) as incidents,
    count(*) filter (where closed) as closed
  from {{ ref("int_incident") }}
  where month >= {{ first_month("security.incidents") }}
    and commune_code in ({{ our_communes() }})
  group by commune_code, month, category, hour_band
),

levels as (
  select unit_code, month, category, hour_band, incidents, closed from counted
  union all
  select '{{ env_var("KHO_PROVINCE", "68") }}', month, category, hour_band, sum(incidents), sum(closed)
  from counted
  group by month, category, hour_band
)

select
  levels.unit_code,
  units.name as unit_name,
  units.level,
  units.province_code,
  levels.month,
  levels.category,
  {{ incident_kind_name("levels.category") }} as category_name,
  levels.hour_band,
  case levels.hour_band
    when 'night' then 'Đêm (22–5 giờ)'
    when 'morning' then 'Sáng (5–12 giờ)'
    when 'afternoon' then 'Chiều (12–18 giờ)'
    else 'Tối (18–22 giờ)'
  end as hour_band_name,
  cast(levels.incidents as bigint) as incidents,
  cast(levels.closed as bigint) as closed
from levels
inner join {{ ref("dim_unit") }} as units on levels.unit_code = units.unit_code
