-- Topics of petitions against their usual rate, of the newest night: counts in steps of five and nothing that they follow from.
with newest as (select max(origin) as origin from {{ ref("stg_models__topic_trends") }}),

topics as (
  {{ petition_topics() }}
)

select
  trends.topic,
  topics.topic_vi,
  trends.period_start,
  cast(trends.period_start + 7 * cast(trends.weeks as integer) - 1 as date) as period_end,
  {{ round_small("trends.observed") }} as petitions,
  {{ round_small("trends.expected") }} as petitions_usual,
  cast(trends.past_weeks as integer) as past_weeks,
  trends.emerging,
  case
    when not trends.emerging then 'như thường lệ'
    when trends.p_adjusted <= 0.001 then 'tăng bất thường, rất chắc'
    when trends.p_adjusted <= 0.01 then 'tăng bất thường, chắc'
    else 'tăng bất thường'
  end as trend_vi
from {{ ref("stg_models__topic_trends") }} as trends
inner join newest on trends.origin = newest.origin
inner join topics on trends.topic = topics.topic
