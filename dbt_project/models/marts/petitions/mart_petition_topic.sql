-- Petitions of the province by topic and whole month, to the nearest five; fewer than five are not told. Where the month's total
-- would give a hidden topic away, the smallest that is told is hidden as well.
with months as (
  select whole.month
  from ({{ measured_months("inspection.petitions", "yesterday") }}) as whole
  cross join {{ ref("int_moment") }} as moment
  where whole.month + interval '1' month <= moment.today
),

topics as (
  {{ petition_topics() }}
),

labelled as (
  select
    cast(date_trunc('month', petitions.received_on) as date) as month,
    case when coalesce(labels.topic, 'unclear') = 'unclear' then 'other' else labels.topic end as topic,
    count(*) as petitions
  from {{ ref("int_petition") }} as petitions
  left join {{ ref("stg_models__petition_labels") }} as labels on petitions.petition_id = labels.petition_id
  where petitions.commune_code in ({{ our_communes() }})
  group by 1, 2
),

rounded as (
  select
    months.month,
    topics.topic,
    topics.topic_vi,
    coalesce(labelled.petitions, 0) as petitions,
    {{ round_small("coalesce(labelled.petitions, 0)") }} as told
  from months
  cross join topics
  left join labelled on months.month = labelled.month and topics.topic = labelled.topic
),

judged as (
  select
    *,
    {{ gives_away(
      "5 * round(sum(petitions) over of_month / 5.0)",
      "sum(coalesce(told + 2, 4)) over of_month",
      "count(*) filter (where told is null) over of_month"
    ) }} as given_away,
    row_number() over (partition by month order by told nulls last, topic) as smallest
  from rounded
  window of_month as (partition by month)
),

counted as (
  select month, topic, topic_vi, case when not (given_away and smallest = 1) then told end as petitions
  from judged
),

compared as (
  select
    *,
    case when count(petitions) over three_before = 3 then avg(petitions) over three_before end as petitions_usual
  from counted
  window three_before as (
    partition by topic order by month range between interval '3' month preceding and interval '1' month preceding
  )
)

select
  month,
  topic,
  topic_vi,
  petitions,
  cast(petitions_usual as double) as petitions_usual,
  cast(100.0 * (petitions - petitions_usual) / petitions_usual as double) as change_pct,
  case when petitions is null then 'Dưới 5 hoặc suy ra được số dưới 5: không công bố' end as withheld_reason
from compared
