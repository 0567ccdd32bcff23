-- What is to be thought of every assigned task: whether the measure says that it has worked. A target that was reached before
-- anything was directed tells nothing of the directive, nor one reached while the unit fell surely behind its peers.
with told as (
  select
    tasks.task_id,
    tasks.status,
    effects.target_reached,
    effects.effective,
    case
      when coalesce(effects.effective, false) then 'đạt hiệu quả'
      when effects.target_reached and not effects.reached_before and not coalesce(effects.worse, false) then 'đạt hiệu quả'
      when effects.target_reached and effects.reached_before and not coalesce(effects.worse, false)
        then 'đã đạt từ trước khi giao'
      when effects.unknown_reason is not null then 'chưa thể kết luận'
      when tasks.status = 'done' then 'báo xong nhưng chưa thấy tác động'
      else 'chưa thấy chuyển biến'
    end as verdict_vi
  from {{ ref("int_directive") }} as tasks
  inner join {{ ref("int_directive_effect") }} as effects on tasks.task_id = effects.task_id
)

select
  task_id,
  target_reached,
  effective,
  verdict_vi,
  status = 'done' and verdict_vi in ('đạt hiệu quả', 'đã đạt từ trước khi giao') as closed
from told
