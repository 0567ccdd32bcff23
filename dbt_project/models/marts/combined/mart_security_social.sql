-- Incidents against poverty and moves. Incidents are told figures of three months: months under 5 count as none, so the rate is a
-- lower bound and nothing hidden can be reckoned from it.
with figures as (
  {{ side_by_side(["incidents", "residents", "poverty_rate", "net_migration_rate"]) }}
),

usual as (
  select period_start, {{ median_of("poverty_rate") }} as poverty_median from figures group by period_start
),

rules as (
  {{ rule_values("security_social", ["rate_high", "poverty_factor", "inflow_high"]) }}
),

summed as (
  select
    *,
    sum(coalesce(incidents, 0)) over recent as incidents_told,
    count(*) filter (where incidents is not null or incidents_hidden) over recent as months_known,
    avg(net_migration_rate) over recent as migration,
    count(net_migration_rate) over recent as migration_months
  from figures
  window recent as (
    partition by unit_code order by period_start range between interval '2' month preceding and current row
  )
),

flagged as (
  select
    summed.*,
    rules.rate_high,
    case when summed.months_known = 3 then summed.incidents_told end as incidents_3_months,
    case when summed.months_known = 3 then 100000.0 * summed.incidents_told / nullif(summed.residents, 0) end as rate,
    case when summed.migration_months = 3 then summed.migration end as inflow,
    case when summed.poverty_rate_hidden then false else summed.poverty_rate >= rules.poverty_factor * usual.poverty_median end as poverty_is_high,
    case when summed.migration_months = 3 then summed.migration >= rules.inflow_high end as inflow_is_high
  from summed
  cross join rules
  left join usual on summed.period_start = usual.period_start
),

judged as (
  select
    *,
    case
      when rate is null or poverty_is_high is null or inflow_is_high is null then 'unknown'
      when rate >= rate_high and poverty_is_high and inflow_is_high then 'high_both'
      when rate >= rate_high and inflow_is_high then 'high_inflow'
      when rate >= rate_high and poverty_is_high then 'high_poverty'
      when rate >= rate_high then 'high_alone'
      when poverty_is_high and inflow_is_high then 'pressure'
      else 'calm'
    end as class_code
  from flagged
)

select
  judged.unit_code,
  judged.unit_name,
  judged.peer_group,
  judged.period_start,
  coalesce(judged.period_start = {{ newest_judged("judged") }}, false) as latest,
  judged.incidents_3_months as incidents_at_least,
  judged.rate as incident_rate_at_least,
  judged.poverty_rate as poverty_rate_pct,
  judged.inflow as net_migration_rate,
  judged.class_code,
  classes.class_vi,
  cast(classes.class_order as integer) as class_order,
  case
    when judged.class_code <> 'unknown'
      then 'Ít nhất ' || {{ vietnamese_number("judged.rate", 0) }} || ' vụ việc trên 100.000 dân trong 3 tháng (mức cao: từ '
        || {{ vietnamese_number("judged.rate_high", 0) }} || '); người nghèo '
        || coalesce({{ vietnamese_number("judged.poverty_rate", 2) }} || ' %', 'rất ít') || '; di cư thuần '
        || {{ vietnamese_number("judged.inflow") }} || ' ‰ một năm'
  end as evidence_vi,
  judged.unit_name || ': ' || classes.decision_vi as decision_vi,
  case
    when judged.class_code = 'unknown'
      then coalesce(
        {{ missing_words({
          "incidents": "Vụ việc", "residents": "Dân số", "poverty_rate": "Tỷ lệ nghèo", "net_migration_rate": "Di cư thuần",
        }) }},
        'Chưa đủ 3 tháng số liệu liền nhau. '
      )
  end as missing_vi
from judged
inner join {{ ref("combined_classes") }} as classes
  on classes.question = 'security_social' and judged.class_code = classes.class_code
