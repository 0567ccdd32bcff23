-- Additive measures of data quality; item: the dataset. Rows that name no commune are the province's.
with measured as (
  select
    coalesce(unit_code, '{{ env_var("KHO_PROVINCE", "68") }}') as unit_code,
    month,
    'rows_received' as measure,
    dataset as item,
    cast(received as double) as value
  from {{ ref("int_quality_count") }}
  union all
  select coalesce(unit_code, '{{ env_var("KHO_PROVINCE", "68") }}'), month, 'rows_accepted', dataset, cast(accepted as double)
  from {{ ref("int_quality_count") }}
  union all
  select unit_code, month, 'deliveries_due', dataset, cast(deliveries_due as double)
  from {{ ref("int_quality_unit_month") }}
  where unit_code <> '{{ env_var("KHO_PROVINCE", "68") }}' and deliveries_due > 0
  union all
  select unit_code, month, 'deliveries_on_time', dataset, cast(deliveries_on_time as double)
  from {{ ref("int_quality_unit_month") }}
  where unit_code <> '{{ env_var("KHO_PROVINCE", "68") }}' and deliveries_due > 0
  union all
  select unit_code, month, 'quality_index_sum', dataset, index_pct
  from {{ ref("int_quality_unit_month") }}
  where unit_code <> '{{ env_var("KHO_PROVINCE", "68") }}'
  union all
  select unit_code, month, 'quality_index_count', dataset, 1.0
  from {{ ref("int_quality_unit_month") }}
  where unit_code <> '{{ env_var("KHO_PROVINCE", "68") }}'
),

-- of all datasets together, since the sources that are read daily are read
counted as (
  select *
  from measured
  where month >= (
    select min(starts.first_month)
    from {{ ref("int_dataset_start") }} as starts
    inner join {{ contracts() }} as contracts on starts.dataset = contracts.dataset
    where contracts.partition = 'daily'
  )
)

select unit_code, month, measure, item, value from counted
union all
select unit_code, month, measure, '' as item, sum(value) as value
from counted
group by unit_code, month, measure
