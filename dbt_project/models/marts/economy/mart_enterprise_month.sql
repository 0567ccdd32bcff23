-- Enterprises founded and ended by unit and month, beside the same month of the year before.
with figures as (
  {{ unit_month(
    "enterprise",
    [
      "enterprises_founded", "enterprises_dissolved", "enterprises_suspended", "enterprise_capital_new",
      "enterprise_workers_new"
    ]
  ) }}
)

select
  now.unit_code,
  now.unit_name,
  now.level,
  now.province_code,
  now.month,
  cast(now.enterprises_founded as bigint) as enterprises_founded,
  cast(now.enterprises_dissolved as bigint) as enterprises_dissolved,
  cast(now.enterprises_suspended as bigint) as enterprises_suspended,
  now.enterprise_capital_new,
  cast(now.enterprise_workers_new as bigint) as enterprise_workers_new,
  cast(before.enterprises_founded as bigint) as enterprises_founded_last_year,
  case
    when {{ has_ended("now.month") }} then {{ growth_pct("now.enterprises_founded", "before.enterprises_founded") }}
  end as growth_pct
from figures as now
left join figures as before on now.unit_code = before.unit_code and before.month = now.month - interval '1' year
