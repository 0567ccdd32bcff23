-- The data quality index (CV 4856/BCA-TTDLQG) by dataset, unit and month, 0–100: Đúng, Đủ, Sạch, Sống, Thống nhất.
-- Communes, and the province for all that came, whether or not it names a commune. A dimension that cannot be told is missing
-- and leaves its weight to the others: Sống without a delivery whose punctuality is known, but for the running month, which is
-- judged by the age of the dataset. A commune that delivered nothing of what was due has 0 in Đủ and Sống.
with moment as (
  select cast(date_trunc('month', coalesce(max({{ local_time("as_of") }}), cast(current_timestamp as timestamp))) as date)
    as month
  from {{ ledger_index() }}
),

rows_by_unit as (
  select * from {{ ref("int_quality_count") }}
  where unit_code is not null
  union all
  select
    dataset,
    '{{ env_var("KHO_PROVINCE", "68") }}',
    month,
    cast(sum(received) as bigint),
    cast(sum(accepted) as bigint),
    cast(sum(refused) as bigint),
    cast(sum(invalid) as bigint),
    cast(sum(incomplete) as bigint),
    cast(sum(repeated) as bigint),
    cast(sum(outdated) as bigint),
    cast(sum(inconsistent) as bigint),
    cast(sum(identifier_faulty) as bigint)
  from {{ ref("int_quality_count") }}
  group by dataset, month
),

deliveries as (
  select dataset, unit_code, month, expected, delivered, on_time, timed
  from {{ ref("int_delivery_month") }}
  where unit_code <> '{{ env_var("KHO_PROVINCE", "68") }}'
  union all
  select
    dataset, '{{ env_var("KHO_PROVINCE", "68") }}', month, sum(expected), sum(delivered), sum(on_time), sum(timed)
  from {{ ref("int_delivery_month") }}
  group by dataset, month
),

combined as (
  select
    coalesce(rows_by_unit.dataset, deliveries.dataset) as dataset,
    coalesce(rows_by_unit.unit_code, deliveries.unit_code) as unit_code,
    coalesce(rows_by_unit.month, deliveries.month) as month,
    coalesce(rows_by_unit.received, 0) as received,
    coalesce(rows_by_unit.accepted, 0) as accepted,
    coalesce(rows_by_unit.refused, 0) as refused,
    coalesce(rows_by_unit.identifier_faulty, 0) as identifier_faulty,
    1 - 1.0 * rows_by_unit.invalid / nullif(rows_by_unit.received, 0) as valid_rows,
    1 - 1.0 * rows_by_unit.incomplete / nullif(rows_by_unit.received, 0) as complete_rows,
    1 - 1.0 * rows_by_unit.repeated / nullif(rows_by_unit.received, 0) as unique_rows,
    1 - 1.0 * rows_by_unit.outdated / nullif(rows_by_unit.received, 0) as fresh_rows,
    1 - 1.0 * rows_by_unit.inconsistent / nullif(rows_by_unit.received, 0) as consistent_rows,
    deliveries.expected,
    deliveries.on_time,
    deliveries.timed,
    1.0 * deliveries.delivered / nullif(deliveries.expected, 0) as delivered_share
  from rows_by_unit
  full outer join deliveries
    on rows_by_unit.dataset = deliveries.dataset
      and rows_by_unit.unit_code = deliveries.unit_code
      and rows_by_unit.month = deliveries.month
),

-- in the running month a dataset older than it may be is less alive, whoever delivered in time before
dimensions as (
  select
    combined.dataset,
    combined.unit_code,
    combined.month,
    combined.received,
    combined.accepted,
    combined.refused,
    combined.identifier_faulty,
    coalesce(combined.timed, 0) as deliveries_due,
    coalesce(combined.on_time, 0) as deliveries_on_time,
    100 * combined.valid_rows as valid_pct,
    100 * coalesce(combined.complete_rows, 1) * coalesce(combined.delivered_share, 1) as complete_pct,
    100 * combined.unique_rows as unique_pct,
    case
      when combined.timed > 0 or (combined.month = moment.month and quality.age_hours is not null)
        then
          100 * coalesce(combined.fresh_rows, 1) * coalesce(1.0 * combined.on_time / nullif(combined.timed, 0), 1)
          * case
            when combined.month = moment.month and quality.age_hours > quality.stale_after_hours
              then quality.stale_after_hours / quality.age_hours
            else 1
          end
    end as fresh_pct,
    100 * combined.consistent_rows as consistent_pct
  from combined
  cross join moment
  inner join {{ contracts() }} as contracts on combined.dataset = contracts.dataset
  left join {{ ref("int_dataset_quality") }} as quality on combined.dataset = quality.dataset
  where contracts.tier not in ('reference', 'derived')
    and (combined.received > 0 or combined.expected > 0)
),

weights as (
  select
    effective_from,
    effective_to,
    max(case when dimension = 'valid' then weight end) as valid,
    max(case when dimension = 'complete' then weight end) as complete,
    max(case when dimension = 'unique' then weight end) as uniqueness,
    max(case when dimension = 'fresh' then weight end) as fresh,
    max(case when dimension = 'consistent' then weight end) as consistent
  from {{ ref("quality_weights") }}
  group by effective_from, effective_to
)

select
  dimensions.*,
  round(
    (
      coalesce(dimensions.valid_pct * weights.valid, 0)
      + dimensions.complete_pct * weights.complete
      + coalesce(dimensions.unique_pct * weights.uniqueness, 0)
      + coalesce(dimensions.fresh_pct * weights.fresh, 0)
      + coalesce(dimensions.consistent_pct * weights.consistent, 0)
    ) / (
      case when dimensions.valid_pct is null then 0 else weights.valid end
      + weights.complete
      + case when dimensions.unique_pct is null then 0 else weights.uniqueness end
      + case when dimensions.fresh_pct is null then 0 else weights.fresh end
      + case when dimensions.consistent_pct is null then 0 else weights.consistent end
    ),
    6
  ) as index_pct,
  dimensions.identifier_faulty = 0 as identifiers_pass
from dimensions
inner join weights
  on dimensions.month >= weights.effective_from
    and (weights.effective_to is null or dimensions.month < weights.effective_to)
