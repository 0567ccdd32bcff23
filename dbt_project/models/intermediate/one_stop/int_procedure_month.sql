-- What the communes report of their procedures, by commune and month; a report that is missing is no row.
-- A procedure counts as public from the day on which it is published or must be.
with procedures as (
  select *, cast(month + interval '1' month as date) as next_month
  from {{ ref("stg_one_stop__procedures") }}
  where commune_code in ({{ our_communes() }})
)

select
  commune_code as unit_code,
  month,
  count(*) filter (where published_on < next_month or publish_due_on < next_month) as procedures_public,
  count(*) filter (where published_on < next_month and published_on <= publish_due_on) as procedures_published_on_time,
  count(*) filter (where update_due_on >= month and update_due_on < next_month) as procedures_updated,
  count(*) filter (where update_due_on >= month and update_due_on < next_month and content_updated_on <= update_due_on)
    as procedures_updated_on_time,
  count(*) filter (where content_complete and (published_on < next_month or publish_due_on < next_month)) as procedures_complete,
  count(*) filter (where online_eligible) as procedures_eligible_online,
  count(*) filter (where online_eligible and online_level in ('partial', 'full')) as procedures_online,
  count(*) filter (where has_fee) as procedures_with_fee,
  count(*) filter (where has_fee and payment_offered) as procedures_payment_offered,
  count(*) filter (where has_fee and payment_offered and payment_used) as procedures_payment_used,
  count(*) filter (where population_data_applicable) as procedures_population_applicable,
  count(*) filter (where population_data_applicable and population_data_used) as procedures_population_used
from procedures
group by commune_code, month
