-- Will the target be reached at the year's end? What counts up through the year is told by the models' outlook with its chance,
-- or where that knows too little goes on at the pace of its last three months; everything else goes along the straight line through
-- its last six, a reckoning for talking early.
with figures as (
  select
    indicator_code,
    base_code,
    theme,
    indicator_name,
    unit,
    direction,
    unit_code,
    unit_name,
    level,
    period_start,
    extract(year from period_start) * 12 + extract(month from period_start) as month_number,
    value,
    target,
    max(period_start) over (partition by indicator_code, unit_code) as newest
  from {{ ref("mart_indicator") }}
  where complete and value is not null and direction <> 'none'
),

-- targets with a path through the year belong to what counts up
year_ends as (
  select indicator_code, target, effective_from, effective_to
  from {{ ref("dim_target") }}
  where month_of_year = 12
),

lines as (
  select
    indicator_code,
    unit_code,
    count(*) as months_used,
    avg(value) as mean_value,
    avg(month_number) as mean_month,
    regr_slope(value, month_number) as slope
  from figures
  where period_start > newest - interval '6' month
  group by indicator_code, unit_code
),

paces as (
  select
    now.*,
    12 - extract(month from now.period_start) as months_left,
    coalesce(year_ends.target, now.target) as year_end_target,
    year_ends.target is not null as counts_up,
    case
      when extract(month from now.period_start) <= 3 then now.value / extract(month from now.period_start)
      else (now.value - before.value) / 3
    end as pace
  from figures as now
  left join year_ends
    on now.base_code = year_ends.indicator_code
      and now.period_start >= year_ends.effective_from
      and (year_ends.effective_to is null or now.period_start < year_ends.effective_to)
  left join figures as before
    on now.indicator_code = before.indicator_code
      and now.unit_code = before.unit_code
      and before.period_start = now.period_start - interval '3' month
  where now.period_start = now.newest and now.target is not null
),

projected as (
  select
    paces.*,
    lines.months_used,
    outlooks.chance,
    case
      when paces.counts_up
        then coalesce(paces.year_end_target * outlooks.expected_pct / 100, paces.value + paces.pace * paces.months_left)
      when lines.months_used >= 4
        then lines.mean_value + lines.slope * (paces.month_number + paces.months_left - lines.mean_month)
    end as line_end
  from paces
  left join lines on paces.indicator_code = lines.indicator_code and paces.unit_code = lines.unit_code
  left join {{ ref("mart_year_end_outlook") }} as outlooks
    on paces.counts_up and paces.base_code = outlooks.indicator_code and paces.unit_code = outlooks.unit_code
),

bounded as (
  select
    projected.*,
    case
      when projected.line_end < limits.valid_low then limits.valid_low
      when projected.line_end > limits.valid_high then limits.valid_high
      else projected.line_end
    end as year_end_value
  from projected
  left join {{ ref("dim_indicator") }} as limits
    on projected.base_code = limits.indicator_code
      and projected.period_start >= limits.effective_from
      and (limits.effective_to is null or projected.period_start < limits.effective_to)
)

select
  cast(indicator_code as varchar) as indicator_code,
  cast(theme as varchar) as theme,
  cast(indicator_name as varchar) as indicator_name,
  cast(unit as varchar) as unit,
  cast(direction as varchar) as direction,
  cast(unit_code as varchar) as unit_code,
  cast(unit_name as varchar) as unit_name,
  cast(level as varchar) as level,
  cast(period_start as date) as period_start,
  cast(value as double) as value,
  cast(target as double) as target_now,
  cast(year_end_target as double) as year_end_target,
  cast(counts_up as boolean) as counts_up,
  cast(months_left as integer) as months_left,
  cast(year_end_value as double) as year_end_value,
  cast(year_end_value - year_end_target as double) as year_end_gap,
  cast(
    case
      when chance is not null then chance < 0.5
      when direction = 'lower' then year_end_value > year_end_target
      else year_end_value < year_end_target
    end as boolean
  ) as at_risk,
  cast(chance as double) as chance,
  cast(
    case
      when year_end_value is null then 'chưa đủ số liệu để ước'
      when chance is not null then 'theo cùng kỳ năm trước và mức tăng gần đây'
      when counts_up then 'theo nhịp 3 tháng gần nhất'
      else 'theo đường thẳng ' || cast(months_used as varchar) || ' tháng gần nhất'
    end as varchar
  ) as method_vi
from bounded
