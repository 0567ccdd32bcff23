-- Complaints and denunciations of the inspection year up to each month's end, the running one up to the last midnight. The year
-- begins on 15 December (TT 01/2024/TT-TTCP): within competence is what came in since then and what was open on that day.
-- In December there is a second row: the whole inspection year, closed on the 14th. Years known in part only are left out.
with months as (
  {{ judged_months("inspection.petitions") }}
),

closings as (
  select month, until_day, false as whole_year from months
  union all
  select month, cast(month + interval '14' day as date), true
  from months
  where extract(month from month) = 12 and month + interval '14' day <= until_day
),

inspection_years as (
  select
    month,
    until_day,
    whole_year,
    -- 17 days on from its days, the inspection year is the calendar year: day before until_day + 17 is until_day + 16
    cast(date_trunc('year', until_day + interval '16' day) - interval '17' day as date) as from_day
  from closings
)

select
  communes.unit_code,
  years.month,
  years.whole_year,
  years.from_day,
  years.until_day,
  count(petitions.petition_id) as within_competence,
  count(petitions.petition_id) filter (where petitions.resolved_on < years.until_day) as resolved
from ({{ our_communes() }}) as communes
cross join (
  select * from inspection_years where from_day >= {{ first_month("inspection.petitions") }}
) as years
left join {{ ref("int_petition") }} as petitions
  on communes.unit_code = petitions.commune_code
    and petitions.petition_kind in ('complaint', 'denunciation')
    and petitions.withdrawn_on is null
    and petitions.received_on < years.until_day
    and (petitions.resolved_on is null or petitions.resolved_on >= years.from_day)
group by communes.unit_code, years.month, years.whole_year, years.from_day, years.until_day
