-- Which indicators may not be told as numbers, from which month on, and why, in words.
with inputs as (
  select indicator_code, unnest(string_split(inputs, ';')) as dataset
  from {{ ref("dim_indicator") }}
),

judged as (
  select
    inputs.indicator_code,
    case
      when quality.last_standing_load is null then date '1900-01-01'
      when quality.stale then cast(date_trunc('month', quality.newest_event_at) as date)
    end as from_month,
    case
      when quality.last_standing_load is null then 'Chưa có dữ liệu nguồn: ' || coalesce(quality.title, inputs.dataset)
      when quality.stale
        then 'Dữ liệu ' || quality.title || ' đã cũ ' || cast(cast(quality.age_hours as bigint) as varchar)
          || ' giờ (giới hạn ' || cast(cast(quality.stale_after_hours as bigint) as varchar) || ' giờ)'
    end as reason
  from inputs
  left join {{ ref("int_dataset_quality") }} as quality on inputs.dataset = quality.dataset
)

select indicator_code, min(from_month) as from_month, min(reason) as reason
from judged
where reason is not null
group by indicator_code
