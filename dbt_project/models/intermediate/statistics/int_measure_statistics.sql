-- Official figures of the province as they were loaded, never computed; quarters and years stand at their last month.
select
  unit_code,
  month,
  case period_kind
    when 'month' then 'official'
    when 'quarter' then 'official_quarter'
    else 'official_year'
  end as measure,
  indicator_code as item,
  value
from {{ ref("stg_statistics__socioeconomic") }}
where unit_code = '{{ env_var("KHO_PROVINCE", "68") }}'
