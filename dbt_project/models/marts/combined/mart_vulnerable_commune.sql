-- Where few are insured, many are poor and disease rises. Made of figures as told: a count of cases under 5 in a month counts
-- as none, so what rises is surely more than noise.
with figures as (
  {{ side_by_side(["health_insurance_coverage", "poverty_rate"]) }}
),

usual as (
  select period_start, {{ median_of("poverty_rate") }} as poverty_median from figures group by period_start
),

rules as (
  {{ rule_values("vulnerable_commune", ["coverage_low", "poverty_factor", "cases_factor", "cases_least"]) }}
),

cases as (
  select
    unit_code,
    period_start,
    sum(coalesce(value, 0)) as cases,
    count(*) filter (where value is null and not hidden) as unknown
  from {{ ref("int_commune_figure") }}
  where base_code = 'disease_cases'
  group by unit_code, period_start
),

spans as (
  select
    unit_code,
    period_start,
    sum(cases) over (
      partition by unit_code order by period_start
      range between interval '2' month preceding and current row
    ) as cases_recent,
    sum(cases) over (
      partition by unit_code order by period_start
      range between interval '5' month preceding and interval '3' month preceding
    ) as cases_before,
    count(*) filter (where unknown = 0) over (
      partition by unit_code order by period_start
      range between interval '5' month preceding and current row
    ) as months_known
  from cases
),

joined as (
  select
    figures.*,
    case when spans.months_known = 6 then spans.cases_recent end as cases_recent,
    case when spans.months_known = 6 then spans.cases_before end as cases_before,
    rules.coverage_low,
    rules.poverty_factor * usual.poverty_median as poverty_high,
    figures.health_insurance_coverage < rules.coverage_low as coverage_is_low,
    case when figures.poverty_rate_hidden then false else figures.poverty_rate >= rules.poverty_factor * usual.poverty_median end as poverty_is_high,
    case
      when spans.months_known = 6
        then spans.cases_recent >= rules.cases_least and spans.cases_recent >= rules.cases_factor * spans.cases_before
    end as disease_rises
  from figures
  cross join rules
  left join usual on figures.period_start = usual.period_start
  left join spans on figures.unit_code = spans.unit_code and figures.period_start = spans.period_start
),

judged as (
  select
    *,
    case
      when coverage_is_low is null or poverty_is_high is null or disease_rises is null then 'unknown'
      when coverage_is_low and poverty_is_high and disease_rises then 'all_three'
      when poverty_is_high and disease_rises then 'poverty_disease'
      when coverage_is_low and disease_rises then 'coverage_disease'
      when coverage_is_low and poverty_is_high then 'coverage_poverty'
      when disease_rises then 'disease'
      when poverty_is_high then 'poverty'
      when coverage_is_low then 'coverage'
      else 'none'
    end as class_code
  from joined
)

select
  judged.unit_code,
  judged.unit_name,
  judged.peer_group,
  judged.period_start,
  coalesce(judged.period_start = {{ newest_judged("judged") }}, false) as latest,
  judged.health_insurance_coverage as insurance_coverage_pct,
  judged.poverty_rate as poverty_rate_pct,
  judged.cases_recent as cases_3_months,
  judged.cases_before as cases_3_months_before,
  judged.class_code,
  classes.class_vi,
  cast(classes.class_order as integer) as class_order,
  case
    when judged.class_code <> 'unknown'
      then 'Bao phủ bảo hiểm y tế ' || {{ vietnamese_number("judged.health_insurance_coverage") }} || ' % (mức thấp: dưới '
        || {{ vietnamese_number("judged.coverage_low", 0) }} || ' %); người nghèo '
        || coalesce({{ vietnamese_number("judged.poverty_rate", 2) }} || ' %', 'rất ít')
        || coalesce(' (mức cao: từ ' || {{ vietnamese_number("judged.poverty_high", 2) }} || ' %)', '') || '; ca bệnh 3 tháng khoảng '
        || {{ vietnamese_number("judged.cases_recent", 0) }} || ', 3 tháng trước khoảng '
        || {{ vietnamese_number("judged.cases_before", 0) }}
  end as evidence_vi,
  judged.unit_name || ': ' || classes.decision_vi as decision_vi,
  nullif(
    coalesce({{ missing_words({"health_insurance_coverage": "Bao phủ bảo hiểm y tế", "poverty_rate": "Tỷ lệ nghèo"}) }}, '')
    || case when judged.disease_rises is null then 'Ca bệnh: chưa đủ 6 tháng số liệu liền nhau. ' else '' end,
    ''
  ) as missing_vi
from judged
inner join {{ ref("combined_classes") }} as classes
  on classes.question = 'vulnerable_commune' and judged.class_code = classes.class_code
