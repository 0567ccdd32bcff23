-- Citizens' feedback by commune and month of receipt, as known at the last midnight; who withdrew asks for no answer any more.
-- On time: answered by the due day, or not yet due. Due is what the law gives from the day of receipt; a source may set an
-- earlier day, a later one of it does not count.
with due as (
  select
    petitions.*,
    {{ add_working_days("petitions.received_on", "limits.working_days") }} as last_day
  from {{ ref("int_petition") }} as petitions
  inner join {{ ref("feedback_limits") }} as limits
    on limits.step = 'resolve'
      and petitions.received_on >= limits.effective_from
      and (limits.effective_to is null or petitions.received_on < limits.effective_to)
  where petitions.petition_kind = 'feedback' and petitions.withdrawn_on is null
),

counted as (
  select
    due.commune_code,
    cast(date_trunc('month', due.received_on) as date) as month,
    count(*) as feedback_due,
    count(*) filter (where coalesce(due.resolved_on, moment.today) <= coalesce(least(due.due_on, due.last_day), due.last_day))
      as feedback_on_time,
    count(due.rating) as feedback_rated,
    count(*) filter (where due.rating = 'satisfied') as feedback_satisfied
  from due
  cross join {{ ref("int_moment") }} as moment
  group by due.commune_code, date_trunc('month', due.received_on)
)

select
  communes.unit_code,
  months.month,
  coalesce(counted.feedback_due, 0) as feedback_due,
  coalesce(counted.feedback_on_time, 0) as feedback_on_time,
  coalesce(counted.feedback_rated, 0) as feedback_rated,
  coalesce(counted.feedback_satisfied, 0) as feedback_satisfied
from ({{ our_communes() }}) as communes
cross join ({{ measured_months("inspection.petitions", "yesterday") }}) as months
left join counted on communes.unit_code = counted.commune_code and months.month = counted.month
