-- Until when a task was due, and from which day on that counted: the first due date that was seen, and each one that came with
-- a granted extension. A due date that was moved without one does not count.
with versions as (
  select
    task_id,
    assigned_on,
    due_on,
    extensions,
    cast({{ local_time("updated_at") }} as date) as seen_on,
    row_number() over (partition by task_id order by updated_at, _load_id) as version,
    max(extensions) over (
      partition by task_id order by updated_at, _load_id rows between unbounded preceding and 1 preceding
    ) as extensions_before
  from {{ ref("stg_directives__tasks__versions") }}
  where _removed_at is null and status <> 'declined'
),

terms as (
  select
    versions.task_id,
    versions.extensions,
    versions.due_on,
    case when versions.version = 1 then versions.assigned_on else versions.seen_on end as valid_from,
    versions.version
  from versions
  inner join {{ ref("stg_directives__tasks") }} as tasks on versions.task_id = tasks.task_id  -- none that vanished
  where versions.version = 1 or versions.extensions > versions.extensions_before
)

select
  task_id,
  row_number() over (partition by task_id order by version) as term,
  extensions,
  due_on,
  valid_from,
  lead(valid_from) over (partition by task_id order by version) as valid_until
from terms
