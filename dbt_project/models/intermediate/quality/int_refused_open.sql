-- Refused records that nothing newer took the place of, with the day by which they are to be mended (working days of CV 4856).
-- Settled is a record that a later load accepted or refused again, or whose partition a later load replaced.
with loads as (
  select dataset, load_id, mode, cast({{ local_time("started_at") }} as date) as refused_on
  from {{ ledger_index() }}
  where current
),

ranked as (
  select
    refused.dataset,
    refused.load_id,
    refused.record_id,
    refused.unit_code,
    refused.reasons,
    refused.refused,
    loads.mode,
    loads.refused_on,
    row_number() over (
      partition by refused.dataset, refused.record_id order by refused.load_id desc, refused.reasons
    ) as from_newest
  from {{ ref("int_refused") }} as refused
  inner join loads on refused.dataset = loads.dataset and refused.load_id = loads.load_id
),

newest as (
  select * from ranked
  where record_id = '' or from_newest = 1
),

-- streams: what was accepted later; the few refused records alone are looked for
accepted as (
  select versions.dataset, versions.record_id, max(versions.load_id) as load_id
  from {{ ref("stg_quality__version") }} as versions
  inner join newest on versions.dataset = newest.dataset and versions.record_id = newest.record_id
  group by versions.dataset, versions.record_id
),

waiting as (
  select newest.*
  from newest
  left join accepted
    on newest.mode = 'stream'
      and newest.dataset = accepted.dataset
      and newest.record_id = accepted.record_id
      and accepted.load_id > newest.load_id
  where accepted.load_id is null
),

days as (
  select
    dates.day,
    case when dates.weekday and holidays.day is null then 1 else 0 end as works
  from {{ ref("dim_date") }} as dates
  left join {{ public_holidays() }} as holidays on dates.day = holidays.day
),

-- the number of each working day; a day off has the next one's
numbered as (
  select day, works, sum(works) over (order by day) + 1 - works as nth
  from days
)

select
  waiting.dataset,
  waiting.load_id,
  waiting.unit_code,
  waiting.record_id,
  kinds.kind,
  kinds.kind_vi,
  kinds.repair_days,
  waiting.refused_on,
  ends.day as repair_by,
  case when waiting.record_id = '' then waiting.refused else 1 end as records
from waiting
inner join {{ ref("int_refusal_kind") }} as kinds
  on waiting.dataset = kinds.dataset and waiting.reasons = kinds.reasons
left join numbered as starts on waiting.refused_on = starts.day
left join numbered as ends on ends.works = 1 and starts.nth + kinds.repair_days = ends.nth
