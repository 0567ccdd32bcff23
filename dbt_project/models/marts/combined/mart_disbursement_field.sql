-- Public investment against what officers report from the field of the same commune: paid as planned where the field tells of
-- damage, or behind the plan with or without a reason on the ground. The review of a report is told as it is now.
with months as (
  {{ measured_months("field.reports", "yesterday") }}
),

reports as (
  select
    commune_code as unit_code,
    cast(date_trunc('month', {{ local_time("submitted_at") }}) as date) as month,
    count(*) as reports,
    count(*) filter (where severity >= 3) as severe,
    count(*) filter (where review_state is null or review_state in ('edited', 'hasIssues')) as open_reports
  from {{ ref("stg_field__reports") }}
  where review_state is null or review_state <> 'rejected'
  group by commune_code, cast(date_trunc('month', {{ local_time("submitted_at") }}) as date)
),

damage as (
  select
    commune_code as unit_code,
    cast(date_trunc('month', {{ local_time("submitted_at") }}) as date) as month,
    sum(quantity) as road_m
  from {{ ref("stg_field__report_items") }}
  where kind = 'road' and (review_state is null or review_state <> 'rejected')
  group by commune_code, cast(date_trunc('month', {{ local_time("submitted_at") }}) as date)
),

field as (
  select
    communes.unit_code,
    months.month,
    sum(coalesce(reports.reports, 0)) over recent as reports,
    sum(coalesce(reports.severe, 0)) over recent as severe,
    sum(coalesce(reports.open_reports, 0)) over recent as open_reports,
    sum(coalesce(damage.road_m, 0)) over recent as road_m,
    count(*) over recent as months_known
  from ({{ our_communes() }}) as communes
  cross join months
  left join reports on communes.unit_code = reports.unit_code and months.month = reports.month
  left join damage on communes.unit_code = damage.unit_code and months.month = damage.month
  window recent as (
    partition by communes.unit_code order by months.month range between interval '2' month preceding and current row
  )
),

rules as (
  {{ rule_values("disbursement_field", ["behind", "severe_many", "road_damage", "open_many"]) }}
),

projects as (
  select
    projects.project_code,
    projects.project_name,
    projects.commune_code as unit_code,
    projects.month,
    projects.plan_full_year,
    projects.paid_cumulative,
    projects.paid,
    100.0 * projects.paid_cumulative / nullif(projects.plan_full_year, 0) as paid_share,
    paths.target as due_share
  from {{ ref("int_investment_month") }} as projects
  left join {{ ref("dim_target") }} as paths
    on paths.indicator_code = 'investment_disbursed_full'
      and paths.month_of_year = extract(month from projects.month)
      and projects.month >= paths.effective_from
      and (paths.effective_to is null or projects.month < paths.effective_to)
),

flagged as (
  select
    projects.*,
    case when field.months_known = 3 then field.reports end as field_reports,
    case when field.months_known = 3 then field.severe end as severe_reports,
    case when field.months_known = 3 then field.open_reports end as open_reports,
    case when field.months_known = 3 then field.road_m end as road_damage_m,
    projects.paid_share < projects.due_share - rules.behind as behind,
    case
      when field.months_known = 3
        then field.severe >= rules.severe_many
          or field.road_m >= rules.road_damage
          or field.open_reports >= rules.open_many
    end as trouble
  from projects
  cross join rules
  left join field on projects.unit_code = field.unit_code and projects.month = field.month
),

judged as (
  select
    *,
    month as period_start,
    case
      when behind is null or trouble is null then 'unknown'
      when trouble and not behind then 'paid_trouble'
      when trouble then 'behind_trouble'
      when behind then 'behind_clear'
      else 'on_track'
    end as class_code
  from flagged
)

select
  judged.project_code,
  judged.project_name,
  judged.unit_code,
  units.name as unit_name,
  judged.period_start,
  coalesce(judged.period_start = {{ newest_judged("judged") }}, false) as latest,
  judged.plan_full_year as plan_million_vnd,
  judged.paid_cumulative as paid_million_vnd,
  judged.paid as paid_in_month_million_vnd,
  judged.paid_share as paid_share_pct,
  judged.due_share as due_share_pct,
  cast(judged.field_reports as bigint) as field_reports,
  cast(judged.severe_reports as bigint) as severe_reports,
  cast(judged.open_reports as bigint) as open_reports,
  judged.road_damage_m,
  judged.class_code,
  classes.class_vi,
  cast(classes.class_order as integer) as class_order,
  case
    when judged.class_code <> 'unknown'
      then 'Đã giải ngân ' || {{ vietnamese_number("judged.paid_share") }} || ' % kế hoạch năm, tiến độ phải đạt '
        || {{ vietnamese_number("judged.due_share") }} || ' %; tại ' || units.name || ' 3 tháng có '
        || {{ vietnamese_number("judged.field_reports", 0) }} || ' phản ánh hiện trường, '
        || {{ vietnamese_number("judged.severe_reports", 0) }} || ' phản ánh mức 3–4, '
        || {{ vietnamese_number("judged.open_reports", 0) }} || ' chưa duyệt xong, '
        || {{ vietnamese_number("judged.road_damage_m", 0) }} || ' m đường hư hỏng'
  end as evidence_vi,
  judged.project_name || ' (' || units.name || '): ' || classes.decision_vi as decision_vi,
  nullif(
    case when judged.paid_share is null then 'Kế hoạch vốn cả năm bằng 0 hoặc chưa giao. ' else '' end
    || case when judged.due_share is null then 'Chưa đặt tiến độ giải ngân của tháng. ' else '' end
    || case when judged.trouble is null then 'Phản ánh hiện trường: chưa đủ 3 tháng số liệu. ' else '' end,
    ''
  ) as missing_vi
from judged
inner join {{ ref("dim_unit") }} as units on judged.unit_code = units.unit_code
inner join {{ ref("combined_classes") }} as classes
  on classes.question = 'disbursement_field' and judged.class_code = classes.class_code
