-- Citizens' feedback by commune and month of receipt, as known at the last midnight; who withdrew asks for no answer any more.
-- On time: answered by the due day, or not yet due.
with counted as (
  select
    petitions.commune_code,
    cast(date_trunc('month', petitions.received_on) as date) as month,
    count(*) as feedback_due,
    count(*) filter (where coalesce(petitions.resolved_on, moment.today) <= petitions.due_on) as feedback_on_time,
    count(petitions.rating) as feedback_rated,
    count(*) filter (where petitions.rating = 'satisfied') as feedback_satisfied
  from {{ ref("int_petition") }} as petitions
  cross join {{ ref("int_moment") }} as moment
  where petitions.petition_kind = 'feedback' and petitions.withdrawn_on is null
  group by petitions.commune_code, date_trunc('month', petitions.received_on)
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
