-- Every assigned task: in time or not, and whether the figure that it named has moved.
with moment as (select today from {{ ref("int_moment") }}),

names as (select indicator_code, min(name_vi) as name_vi, min(unit) as unit from {{ ref("dim_indicator") }} group by indicator_code)

select
  tasks.task_id,
  contents.document_number,
  contents.content,
  tasks.unit_code,
  units.name as unit_name,
  units.level,
  tasks.indicator_code,
  effects.item,
  names.name_vi as indicator_name,
  names.unit as measured_in,
  tasks.target_value as target,
  tasks.status,
  cast(tasks.progress_pct as integer) as progress_pct,
  tasks.assigned_on,
  tasks.first_due_on,
  tasks.due_on,
  tasks.done_on,
  cast(tasks.extensions as integer) as extensions,
  case
    when tasks.done_on is not null then tasks.done_on <= tasks.due_on
    when tasks.due_on < moment.today then false
  end as on_time,
  cast(greatest(0, date_diff('day', tasks.due_on, coalesce(tasks.done_on, cast(moment.today - interval '1 day' as date)))) as integer)
    as overdue_days,
  tasks.proposal_id,
  tasks.snapshot_id,
  case when tasks.proposal_id is not null then split_part(tasks.proposal_id, ':', 1) end as alert_id,
  effects.before_value,
  effects.after_value,
  cast(effects.after_months as integer) as after_months,
  effects.latest_value,
  effects.target_reached,
  effects.own_change,
  effects.peer_change,
  cast(effects.peers as integer) as peers,
  effects.effect,
  effects.effect_low,
  effects.effect_high,
  effects.unknown_reason,
  verdicts.verdict_vi,
  verdicts.verdict_vi = 'báo xong nhưng chưa thấy tác động' as flagged,
  verdicts.closed
from {{ ref("int_directive") }} as tasks
inner join {{ ref("int_directive_effect") }} as effects on tasks.task_id = effects.task_id
inner join {{ ref("int_directive_verdict") }} as verdicts on tasks.task_id = verdicts.task_id
inner join {{ ref("stg_directives__tasks") }} as contents on tasks.task_id = contents.task_id
inner join {{ ref("dim_unit") }} as units on tasks.unit_code = units.unit_code
left join names on tasks.indicator_code = names.indicator_code
cross join moment
