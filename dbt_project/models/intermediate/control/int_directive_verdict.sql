-- What is to be thought of every assigned task: whether the measure says that it has worked.
select
  tasks.task_id,
  effects.target_reached,
  effects.effective,
  case
    when coalesce(effects.target_reached, false) or coalesce(effects.effective, false) then 'đạt hiệu quả'
    when effects.unknown_reason is not null then 'chưa thể kết luận'
    when tasks.status = 'done' then 'báo xong nhưng chưa thấy tác động'
    else 'chưa thấy chuyển biến'
  end as verdict_vi,
  tasks.status = 'done' and (coalesce(effects.target_reached, false) or coalesce(effects.effective, false)) as closed
from {{ ref("int_directive") }} as tasks
inner join {{ ref("int_directive_effect") }} as effects on tasks.task_id = effects.task_id
