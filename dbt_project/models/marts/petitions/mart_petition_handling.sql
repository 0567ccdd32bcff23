-- Petitions of the province by topic: who has to act, what is open, overdue and urgent, and who writes again and again. In steps of
-- five, none under five; a column whose hidden part its total would give away is told of no topic.
{% set counts = ["petitions_year", "petitioners_year", "returning_petitioners_year", "open", "overdue", "urgent_open"] -%}
with topics as (
  {{ petition_topics() }}
),

letters as (
  select
    case when coalesce(labels.topic, 'unclear') = 'unclear' then 'other' else labels.topic end as topic,
    petitions.sender_pseudonym,
    petitions.received_on >= moment.today - interval '12' month as of_year,
    petitions.resolved_on is null and petitions.withdrawn_on is null as open,
    petitions.due_on < moment.today as due,
    coalesce(labels.urgent, false) as urgent
  from {{ ref("int_petition") }} as petitions
  cross join {{ ref("int_moment") }} as moment
  left join {{ ref("stg_models__petition_labels") }} as labels on petitions.petition_id = labels.petition_id
  where petitions.commune_code in ({{ our_communes() }})
),

senders as (
  select topic, sender_pseudonym, count(*) as petitions
  from letters
  where of_year
  group by topic, sender_pseudonym
),

of_senders as (
  select
    topic,
    sum(petitions) as petitions_year,
    count(*) as petitioners_year,
    count(*) filter (where petitions > 1) as returning_petitioners_year
  from senders
  group by topic
),

of_letters as (
  select
    topic,
    count(*) filter (where open) as open,
    count(*) filter (where open and due) as overdue,
    count(*) filter (where open and urgent) as urgent_open
  from letters
  group by topic
),

counted as (
  select
    topics.topic,
    topics.topic_vi,
    {% for count in counts -%}
    coalesce({{ count }}, 0) as {{ count }}{{ "," if not loop.last }}
    {% endfor %}
  from topics
  left join of_senders on topics.topic = of_senders.topic
  left join of_letters on topics.topic = of_letters.topic
)

select
  counted.topic,
  counted.topic_vi,
  agencies.agency_code,
  offices.name_vi as agency_name,
  {% for count in counts -%}
  case when not {{ gives_away(
    "5 * round(sum(" ~ count ~ ") over () / 5.0)",
    "sum(" ~ at_most(round_small(count)) ~ ") over ()",
    "count(*) filter (where " ~ count ~ " < 5) over ()"
  ) }} then {{ round_small(count) }} end as {{ count }}{{ "," if not loop.last }}
  {% endfor %}
from counted
left join {{ ref("topic_agencies") }} as agencies on counted.topic = agencies.topic
left join {{ ref("dim_agency") }} as offices on agencies.agency_code = offices.agency_code
