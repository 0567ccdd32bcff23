-- Letters of the same text: what was sent at least five times in the last weeks, about what and about which communes.
with copies as (
  select petition_id, copy_of from {{ ref("stg_models__petition_copies") }}
  union all
  select distinct copy_of, copy_of from {{ ref("stg_models__petition_copies") }}
),

letters as (
  select
    copies.copy_of,
    petitions.petition_id,
    petitions.sender_pseudonym,
    petitions.commune_code,
    petitions.received_on
  from copies
  inner join {{ ref("int_petition") }} as petitions on copies.petition_id = petitions.petition_id
  where petitions.commune_code in ({{ our_communes() }})
),

groups as (
  select
    copy_of,
    count(*) as petitions,
    count(distinct sender_pseudonym) as petitioners,
    count(distinct commune_code) as communes,
    min(received_on) as first_day,
    max(received_on) as last_day
  from letters
  group by copy_of
  having count(*) >= 5
),

places as (
  select named.copy_of, {{ joined_texts("units.name", ", ", "units.name") }} as unit_names
  from (select distinct copy_of, commune_code from letters) as named
  inner join {{ ref("dim_unit") }} as units on named.commune_code = units.unit_code
  group by named.copy_of
),

topics as (
  {{ petition_topics() }}
)

select
  cast(row_number() over (order by {{ round_small("groups.petitions") }} desc, groups.first_day, groups.copy_of) as integer) as copy_group,
  coalesce(topics.topic, 'other') as topic,
  coalesce(topics.topic_vi, 'Khác hoặc chưa rõ') as topic_vi,
  places.unit_names,
  cast(groups.communes as integer) as communes,
  groups.first_day,
  groups.last_day,
  {{ round_small("groups.petitions") }} as petitions,
  {{ round_small("groups.petitioners") }} as petitioners
from groups
inner join places on groups.copy_of = places.copy_of
left join {{ ref("stg_models__petition_labels") }} as labels on groups.copy_of = labels.petition_id
left join topics on labels.topic = topics.topic
