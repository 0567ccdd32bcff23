-- The newest warnings with exact figures: for the health sector.
with newest as (
  select * from {{ ref("stg_models__warnings") }}
  where origin = (select max(origin) from {{ ref("int_told_month") }} where dataset = 'models.warnings')
),

-- what mosquitoes and viruses make of the weather takes about two months
weathered as (
  select newest.*, months.rainfall_mm_per_day as rain, months.mean_temperature_c as warmth
  from newest
  inner join {{ ref("dim_unit") }} as units on newest.unit_code = units.unit_code
  left join {{ ref("int_disease_province_month") }} as months
    on units.province_code = months.province_code
      and newest.disease_code = months.disease_code
      and cast(date_trunc('month', newest.period_start) - interval '2' month as date) = months.month
)

select
  warnings.origin,
  warnings.unit_code,
  units.name as unit_name,
  units.level,
  units.province_code,
  warnings.disease_code,
  diseases.name_vi as disease_name,
  warnings.grain,
  warnings.period_start,
  warnings.kind,
  warnings.cases,
  warnings.expected,
  warnings.upper_limit,
  warnings.probability,
  warnings.severity,
  100.0 * coalesce(warnings.known_share, 1) as reported_pct,
  warnings.neighbour_cases,
  warnings.neighbour_expected,
  cast(coalesce(warnings.past_raised, 0) as integer) as past_raised,
  cast(coalesce(warnings.past_right, 0) as integer) as past_right,
  case
    when warnings.grain = 'week' then 'Tuần từ ' || strftime(warnings.period_start, '%d/%m/%Y')
    else 'Tháng ' || strftime(warnings.period_start, '%m/%Y')
  end
    || case when warnings.kind = 'forecast' then ' dự báo ' else ' có ' end || {{ number_vi("warnings.cases", 0) }} || ' ca'
    || case
      when warnings.known_share < 0.995
        then ' (khoảng ' || {{ number_vi("100 * warnings.known_share", 0) }} || ' % số ca đã được báo cáo)'
      else ''
    end
    || ', thường gặp ' || {{ number_vi("warnings.expected", 1) }} || ' ca, ngưỡng '
    || {{ number_vi("warnings.upper_limit", 1) }} || ' ca; '
    || case
      when warnings.kind = 'forecast' then 'xác suất vượt ngưỡng ' || {{ number_vi("100 * warnings.probability", 1) }} || ' %'
      else 'theo mùa, mức này cao hơn ' || {{ number_vi("100 * least(warnings.probability, 0.999)", 1) }} || ' % số '
        || case when warnings.grain = 'week' then 'tuần' else 'tháng' end
    end
    || coalesce(
      '; sáu xã gần nhất có ' || {{ number_vi("warnings.neighbour_cases", 0) }} || ' ca, thường gặp '
      || {{ number_vi("warnings.neighbour_expected", 1) }} || ' ca', ''
    )
    || coalesce(
      '; hai tháng trước mưa ' || {{ number_vi("warnings.rain", 1) }} || ' mm/ngày, nhiệt độ '
      || {{ number_vi("warnings.warmth", 1) }} || ' °C', ''
    )
    || case
      when coalesce(warnings.past_raised, 0) = 0 then '; chưa có lần cảnh báo trước để so sánh'
      else '; cảnh báo cùng mức đã nêu ' || cast(cast(warnings.past_raised as integer) as varchar) || ' lần, '
        || cast(cast(warnings.past_right as integer) as varchar) || ' lần số ca còn vượt ngưỡng sau đó'
    end as sentence_vi
from weathered as warnings
inner join {{ ref("dim_unit") }} as units on warnings.unit_code = units.unit_code
inner join {{ ref("dim_disease") }} as diseases on warnings.disease_code = diseases.disease_code
