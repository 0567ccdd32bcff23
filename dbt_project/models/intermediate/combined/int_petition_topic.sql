-- Petitions by commune and quarter, how many of them have a topic, and how many are about land. Exact, so private. Only whole
-- quarters since the first whole month: a running one would show a fall that is none.
with months as (
  {{ measured_months("inspection.petitions", "yesterday") }}
),

quarters as (
  select cast(date_trunc('quarter', month) as date) as period_start
  from months
  group by cast(date_trunc('quarter', month) as date)
  having count(*) = 3
),

received as (
  select
    petitions.commune_code as unit_code,
    cast(date_trunc('quarter', petitions.received_on) as date) as period_start,
    count(*) as petitions,
    count(labels.topic) as labelled,
    count(*) filter (where labels.topic = 'land') as about_land
  from {{ ref("int_petition") }} as petitions
  left join {{ ref("stg_models__petition_labels") }} as labels on petitions.petition_id = labels.petition_id
  group by petitions.commune_code, cast(date_trunc('quarter', petitions.received_on) as date)
)

select
  communes.unit_code,
  quarters.period_start,
  coalesce(received.petitions, 0) as petitions,
  coalesce(received.labelled, 0) as labelled,
  coalesce(received.about_land, 0) as about_land
from ({{ our_communes() }}) as communes
cross join quarters
cross join {{ ref("int_moment") }} as moment
left join received on communes.unit_code = received.unit_code and quarters.period_start = received.period_start
where quarters.period_start + interval '3' month <= moment.today
