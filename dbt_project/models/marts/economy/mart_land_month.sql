-- Dealings in land by unit and month. The value is told from five dealings on and in whole billions: less would tell what
-- somebody paid, also by difference to the province.
with figures as (
  {{ unit_month("land", ["land_received", "land_decided", "land_transactions", "land_transfers", "land_value"]) }}
)

select
  now.unit_code,
  now.unit_name,
  now.level,
  now.province_code,
  now.month,
  cast(now.land_received as bigint) as land_received,
  cast(now.land_decided as bigint) as land_decided,
  cast(now.land_transactions as bigint) as land_transactions,
  cast(now.land_transfers as bigint) as land_transfers,
  case when now.land_transfers >= 5 then cast(round(now.land_value / 1000.0) as bigint) end as land_value_billion_vnd,
  cast(before.land_transactions as bigint) as land_transactions_last_year,
  case
    when {{ has_ended("now.month") }} then {{ growth_pct("now.land_transactions", "before.land_transactions") }}
  end as growth_pct
from figures as now
left join figures as before on now.unit_code = before.unit_code and before.month = now.month - interval '1' year
