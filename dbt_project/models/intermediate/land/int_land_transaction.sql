-- Dealings in land with the local day on which they were decided: that of the first version which says so, since a correction
-- afterwards decides nothing anew.
with decided as (
  select transaction_id, min({{ local_time("updated_at") }}) as decided_at
  from {{ ref("stg_land__transactions__versions") }}
  where status in ('registered', 'refused')
  group by transaction_id
)

select
  transactions.transaction_id,
  transactions.transaction_kind,
  transactions.commune_code,
  transactions.value_million_vnd,
  transactions.submitted_on,
  transactions.status,
  case when transactions.status in ('registered', 'refused') then cast(decided.decided_at as date) end as decided_on
from {{ ref("stg_land__transactions") }} as transactions
left join decided on transactions.transaction_id = decided.transaction_id
