-- New enterprises against electricity and revenue, three months against the same three of the year before: firms on paper only,
-- and activity that revenue does not follow.
with figures as (
  {{ side_by_side(["enterprises_founded", "electricity_sold", "budget_revenue"]) }}
),

rules as (
  {{ rule_values("enterprise_power", ["founded_up", "founded_least", "power_up", "revenue_up"]) }}
),

summed as (
  select
    *
    {%- for code in ["enterprises_founded", "electricity_sold", "budget_revenue"] %},
    sum({{ code }}) over recent as {{ code }}_now,
    count({{ code }}) over recent as {{ code }}_months,
    sum({{ code }}) over year_before as {{ code }}_before,
    count({{ code }}) over year_before as {{ code }}_months_before
    {%- endfor %}
  from figures
  window
    recent as (
      partition by unit_code order by period_start range between interval '2' month preceding and current row
    ),
    year_before as (
      partition by unit_code order by period_start
      range between interval '14' month preceding and interval '12' month preceding
    )
),

compared as (
  select
    unit_code,
    unit_name,
    peer_group,
    period_start
    {%- for code in ["enterprises_founded", "electricity_sold", "budget_revenue"] %},
    case when {{ code }}_months = 3 then {{ code }}_now end as {{ code }}_now,
    case when {{ code }}_months_before = 3 then {{ code }}_before end as {{ code }}_before,
    case
      when {{ code }}_months = 3 and {{ code }}_months_before = 3
        then 100.0 * ({{ code }}_now / nullif({{ code }}_before, 0) - 1)
    end as {{ code }}_growth
    {%- endfor %},
    {{ missing_words({
      "enterprises_founded": "Doanh nghiệp thành lập", "electricity_sold": "Điện thương phẩm", "budget_revenue": "Thu ngân sách",
    }) }} as missing_now
  from summed
),

flagged as (
  select
    compared.*,
    case
      when compared.enterprises_founded_before is not null
        then compared.enterprises_founded_now >= rules.founded_least
          and (compared.enterprises_founded_before = 0 or compared.enterprises_founded_growth >= rules.founded_up)
    end as founded_up,
    compared.electricity_sold_growth >= rules.power_up as power_up,
    compared.budget_revenue_growth >= rules.revenue_up as revenue_up
  from compared
  cross join rules
),

judged as (
  select
    *,
    case
      when founded_up is null or power_up is null or revenue_up is null then 'unknown'
      when founded_up and power_up and revenue_up then 'real'
      when power_up and not revenue_up then 'revenue_lags'
      when founded_up and not power_up and not revenue_up then 'paper'
      when founded_up then 'light'
      when power_up then 'few_firms'
      when revenue_up then 'revenue_alone'
      else 'quiet'
    end as class_code
  from flagged
)

select
  judged.unit_code,
  judged.unit_name,
  judged.peer_group,
  judged.period_start,
  coalesce(judged.period_start = {{ newest_judged("judged") }}, false) as latest,
  judged.enterprises_founded_now as founded_3_months,
  judged.enterprises_founded_before as founded_year_before,
  judged.enterprises_founded_growth as founded_growth_pct,
  judged.electricity_sold_growth as electricity_growth_pct,
  judged.budget_revenue_growth as revenue_growth_pct,
  judged.class_code,
  classes.class_vi,
  cast(classes.class_order as integer) as class_order,
  case
    when judged.class_code <> 'unknown'
      then '3 tháng có ' || {{ vietnamese_number("judged.enterprises_founded_now", 0) }}
        || ' doanh nghiệp thành lập (cùng kỳ ' || {{ vietnamese_number("judged.enterprises_founded_before", 0) }}
        || '); điện thương phẩm ' || {{ vietnamese_number("judged.electricity_sold_growth") }} || ' %, thu ngân sách '
        || {{ vietnamese_number("judged.budget_revenue_growth") }} || ' % so với cùng kỳ'
  end as evidence_vi,
  judged.unit_name || ': ' || classes.decision_vi as decision_vi,
  case
    when judged.class_code = 'unknown'
      then coalesce(judged.missing_now, 'Chưa đủ 3 tháng liền nhau của năm nay và cùng kỳ năm trước, hoặc cùng kỳ bằng 0. ')
  end as missing_vi
from judged
inner join {{ ref("combined_classes") }} as classes
  on classes.question = 'enterprise_power' and judged.class_code = classes.class_code
