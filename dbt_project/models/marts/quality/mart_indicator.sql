-- Every published figure in one long table: unit × period × indicator.
with figures as (
  select
    'one_stop_on_time_ratio' as indicator_code,
    unit_code, unit_name, level, month as period_start,
    on_time_ratio_pct as value,
    cast(numerator as double) as numerator,
    cast(denominator as double) as denominator,
    withheld_reason
  from {{ ref("mart_one_stop_month") }}
  union all
  select
    'one_stop_timeliness_score', unit_code, unit_name, level, month, score,
    cast(numerator as double), cast(denominator as double), withheld_reason
  from {{ ref("mart_one_stop_month") }}
  union all
  select
    'disease_cases:' || disease_code, unit_code, unit_name, 'province', month,
    case when withheld.reason is null and not suppressed then cast(cases as double) end,
    case when withheld.reason is null and not suppressed then cast(cases as double) end,
    cast(null as double),
    coalesce(withheld.reason, case when suppressed then 'Dưới 5 ca: không công bố số chính xác' end)
  from {{ ref("mart_disease_province_month") }}
  left join {{ ref("int_withheld") }} as withheld
    on withheld.indicator_code = 'disease_cases' and month >= withheld.from_month
  where unit_code = '{{ env_var("KHO_PROVINCE", "68") }}'
  union all
  select
    'disease_incidence:' || disease_code, unit_code, unit_name, 'province', month,
    case when withheld.reason is null and not suppressed then incidence_per_100k end,
    case when withheld.reason is null and not suppressed then cast(cases as double) end,
    cast(null as double),
    coalesce(
      withheld.reason,
      case when suppressed then 'Dưới 5 ca: không công bố số chính xác' end,
      case when incidence_per_100k is null then 'Chưa có dân số của đơn vị' end
    )
  from {{ ref("mart_disease_province_month") }}
  left join {{ ref("int_withheld") }} as withheld
    on withheld.indicator_code = 'disease_incidence' and month >= withheld.from_month
  where unit_code = '{{ env_var("KHO_PROVINCE", "68") }}'
  union all
  select
    'data_accepted_share:' || dataset, '{{ env_var("KHO_PROVINCE", "68") }}', title, 'province',
    cast(date_trunc('month', last_standing_at) as date), accepted_share_pct,
    cast(accepted as double), cast(received as double),
    case when received = 0 then 'Chưa có dữ liệu nguồn' end
  from {{ ref("mart_dataset_quality") }}
  where last_standing_at is not null
)

select
  figures.indicator_code,
  split_part(figures.indicator_code, ':', 1) as base_code,
  indicators.name_vi as indicator_name,
  indicators.unit,
  figures.unit_code,
  figures.unit_name,
  figures.level,
  figures.period_start,
  indicators.grain,
  figures.value,
  figures.numerator,
  figures.denominator,
  indicators.target,
  case
    when figures.value is null then 'chưa đủ dữ liệu'
    when indicators.target is null then null
    when figures.value >= indicators.target then 'đạt'
    when figures.value >= indicators.attention then 'cần chú ý'
    else 'không đạt'
  end as status,
  figures.withheld_reason
from figures
inner join {{ ref("dim_indicator") }} as indicators
  on split_part(figures.indicator_code, ':', 1) = indicators.indicator_code
    and figures.period_start >= indicators.effective_from
    and (indicators.effective_to is null or figures.period_start < indicators.effective_to)
