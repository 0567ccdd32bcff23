-- The tasks that were assigned, each as it stands: its due date with granted extensions alone, and since when it is done.
with versions as (
  select
    task_id,
    status,
    cast({{ local_time("updated_at") }} as date) as seen_on,
    max(case when status <> 'done' then updated_at end) over (partition by task_id) as last_open_at,
    updated_at
  from {{ ref("stg_directives__tasks__versions") }}
  where _removed_at is null
),

finished as (
  select task_id, min(seen_on) as done_on
  from versions
  where status = 'done' and (last_open_at is null or updated_at > last_open_at)
  group by task_id
),

terms as (
  select
    task_id,
    max(case when term = 1 and extensions = 0 then due_on end) as first_due_on,
    max(case when valid_until is null then due_on end) as due_on
  from {{ ref("int_directive_term") }}
  group by task_id
)

select
  tasks.task_id,
  tasks.commune_code as unit_code,
  tasks.indicator_code,
  tasks.target_value,
  tasks.proposal_id,
  tasks.snapshot_id,
  tasks.status,
  tasks.progress_pct,
  tasks.assigned_on,
  terms.first_due_on,
  terms.due_on,
  tasks.due_on as told_due_on,
  tasks.due_on > terms.due_on as due_moved_unasked,
  tasks.extensions,
  finished.done_on
from {{ ref("stg_directives__tasks") }} as tasks
inner join terms on tasks.task_id = terms.task_id
left join finished on tasks.task_id = finished.task_id and tasks.status = 'done'
where tasks.status <> 'declined'
