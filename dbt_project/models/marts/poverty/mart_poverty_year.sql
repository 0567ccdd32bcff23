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
  {{ told_count("poor_households", "month") }} as poor_households,
  {{ told_count("near_poor_households", "month") }} as near_poor_households,
  {{ told_count("poor_persons", "month") }} as poor_persons,
  {{ told_count("near_poor_persons", "month") }} as near_poor_persons,
  {{ told_count("poor_persons_2027", "month") }} as poor_persons_2027,
  {{ told_count("near_poor_persons_2027", "month") }} as near_poor_persons_2027
from newest
where month = newest_month
