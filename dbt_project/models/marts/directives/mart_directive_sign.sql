-- Signs that a task was made to look better than it is, each with its evidence in words. A sign is no proof.
with rules as (
  select max(case when rule = 'supplement_rise' then cast(value as double) end) as supplement_rise
  from {{ ref("directive_rules") }}
),

versions as (
  select
    task_id,
    due_on,
    extensions,
    cast({{ local_time("updated_at") }} as date) as seen_on,
    lag(due_on) over (partition by task_id order by updated_at, _load_id) as due_before,
    lag(extensions) over (partition by task_id order by updated_at, _load_id) as extensions_before
  from {{ ref("stg_directives__tasks__versions") }}
  where _removed_at is null
),

edits as (
  select task_id, min(seen_on) as seen_on, min(due_before) as due_before, max(due_on) as due_on
  from versions
  where due_on > due_before and extensions = extensions_before and seen_on > due_before
  group by task_id
),

-- around a task on timeliness: dossiers sent back more than once, three months before and after
supplements as (
  select
    tasks.task_id,
    avg(case when figures.period_start < date_trunc('month', tasks.assigned_on) then figures.value end) as before_pct,
    avg(case when figures.period_start > date_trunc('month', tasks.assigned_on) then figures.value end) as after_pct
  from {{ ref("int_directive") }} as tasks
  inner join {{ ref("mart_indicator") }} as figures
    on tasks.unit_code = figures.unit_code
      and figures.base_code = 'one_stop_supplement_repeated'
      and figures.complete
      and figures.period_start between date_trunc('month', tasks.assigned_on) - interval '3' month
      and date_trunc('month', tasks.assigned_on) + interval '3' month
  where tasks.indicator_code = 'one_stop_on_time_ratio'
  group by tasks.task_id
),

signs as (
  select
    edits.task_id,
    'due_moved_after_passing' as sign_code,
    'Lùi hạn sau khi đã quá hạn mà không có gia hạn' as sign_vi,
    edits.seen_on as seen_on,
    'Hạn ' || strftime(edits.due_before, '%d/%m/%Y') || ' được sửa thành ' || strftime(edits.due_on, '%d/%m/%Y') || ' ngày '
      || strftime(edits.seen_on, '%d/%m/%Y') || ', không có lần gia hạn nào' as evidence_vi
  from edits
  union all
  select
    tasks.task_id,
    'done_without_movement',
    'Báo hoàn thành nhưng chưa thấy tác động',
    tasks.done_on,
    'Báo hoàn thành ngày ' || strftime(tasks.done_on, '%d/%m/%Y') || '; chỉ số trước khi giao '
      || {{ number_vi("effects.before_value", 1) }} || ', sau khi giao ' || {{ number_vi("effects.after_value", 1) }}
      || case when effects.target_reached then ', đạt mục tiêu ' else ', chưa đạt mục tiêu ' end
      || {{ number_vi("tasks.target_value", 1) }}
      || case
        when effects.worse and effects.target_reached then ' nhưng kém hơn đơn vị tương đồng'
        when effects.worse then ' và kém hơn đơn vị tương đồng'
        else ' và không khác đơn vị tương đồng'
      end
  from {{ ref("int_directive") }} as tasks
  inner join {{ ref("int_directive_effect") }} as effects on tasks.task_id = effects.task_id
  inner join {{ ref("int_directive_verdict") }} as verdicts on tasks.task_id = verdicts.task_id
  where verdicts.verdict_vi = 'báo xong nhưng chưa thấy tác động'
  union all
  select
    tasks.task_id,
    'supplements_instead_of_time',
    'Tỷ lệ đúng hạn tăng cùng với yêu cầu bổ sung nhiều lần',
    cast(tasks.assigned_on as date),
    'Tỷ lệ đúng hạn từ ' || {{ number_vi("effects.before_value", 1) }} || ' % lên ' || {{ number_vi("effects.after_value", 1) }}
      || ' %, cùng lúc tỷ lệ hồ sơ bị yêu cầu bổ sung nhiều lần từ ' || {{ number_vi("supplements.before_pct", 1) }} || ' % lên '
      || {{ number_vi("supplements.after_pct", 1) }} || ' %'
  from supplements
  inner join {{ ref("int_directive") }} as tasks on supplements.task_id = tasks.task_id
  inner join {{ ref("int_directive_effect") }} as effects on supplements.task_id = effects.task_id
  cross join rules
  where effects.after_value > effects.before_value
    and supplements.after_pct - supplements.before_pct >= rules.supplement_rise
)

select
  signs.task_id || ':' || signs.sign_code as sign_id,
  signs.task_id,
  tasks.unit_code,
  units.name as unit_name,
  tasks.indicator_code,
  signs.sign_code,
  signs.sign_vi,
  signs.seen_on,
  signs.evidence_vi
from signs
inner join {{ ref("int_directive") }} as tasks on signs.task_id = tasks.task_id
inner join {{ ref("dim_unit") }} as units on tasks.unit_code = units.unit_code
