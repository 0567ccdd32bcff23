-- Which indicators of which unit may not be told as numbers, in which months, and why in words: of what every unit sends each
-- day, days are missing, so that the sum is too small. One day in twenty may be, as of the whole; the days are those of the
-- month, so that one late day at its beginning is none too many. That a unit sent nothing at all is told by the missing figure.
with inputs as (
  select indicator_code, {{ unnest_list("inputs") }} as dataset
  from (select distinct indicator_code, inputs from {{ ref("dim_indicator") }} where theme <> 'quality') as registry
),

partial as (
  select
    deliveries.dataset,
    deliveries.unit_code,
    deliveries.month,
    'Đơn vị mới gửi dữ liệu ' || contracts.title || ' của ' || cast(deliveries.delivered as varchar) || '/'
      || cast(deliveries.expected as varchar) || ' ngày' as reason
  from {{ ref("int_delivery_month") }} as deliveries
  inner join {{ contracts() }} as contracts on deliveries.dataset = contracts.dataset
  where contracts.partition = 'daily'
    and contracts.every_unit
    and deliveries.missing
    > 0.05 * date_diff('day', deliveries.month, cast(deliveries.month + interval '1' month as date))
)

select inputs.indicator_code, partial.unit_code, partial.month, min(partial.reason) as reason
from inputs
inner join partial on inputs.dataset = partial.dataset
group by inputs.indicator_code, partial.unit_code, partial.month
