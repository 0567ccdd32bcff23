-- Poor and near-poor of each year's list at its newest month, by unit, to the nearest five; under five is not told.
with figures as (
  {{ unit_month(
    "poverty",
    [
      "poor_households", "near_poor_households", "poor_persons", "near_poor_persons", "poor_persons_2027",
      "near_poor_persons_2027"
    ]
  ) }}
),

newest as (
  select figures.*, max(month) over (partition by unit_code, extract(year from month)) as newest_month
  from figures
)

select
  unit_code,
  unit_name,
  level,
  province_code,
  cast(extract(year from month) as bigint) as year,
  month as as_of_month,
  {{ round_small("poor_households") }} as poor_households,
  {{ round_small("near_poor_households") }} as near_poor_households,
  {{ round_small("poor_persons") }} as poor_persons,
  {{ round_small("near_poor_persons") }} as near_poor_persons,
  {{ round_small("poor_persons_2027") }} as poor_persons_2027,
  {{ round_small("near_poor_persons_2027") }} as near_poor_persons_2027
from newest
where month = newest_month
