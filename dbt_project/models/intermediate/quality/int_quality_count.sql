-- Rows accepted and refused by dataset, unit and month of the load's day, by dimension of quality. A record refused again in a
-- month (windows overlap) counts once, as in its newest load. unit_code is null where the row names no commune of the province.
with loads as (
  select dataset, load_id, cast(date_trunc('month', day) as date) as month
  from {{ ledger_index() }}
  where current and kind = 'rows'
),

communes as (
  select unit_code from {{ ref("dim_unit") }}
  where level = 'commune' and province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
),

refused as (
  select
    rows_refused.*,
    loads.month,
    row_number() over (
      partition by rows_refused.dataset, loads.month, rows_refused.record_id
      order by rows_refused.load_id desc, rows_refused.reasons
    ) as from_newest
  from {{ ref("int_refused") }} as rows_refused
  inner join loads on rows_refused.dataset = loads.dataset and rows_refused.load_id = loads.load_id
),

counted as (
  select
    accepted.dataset,
    accepted.unit_code,
    loads.month,
    accepted.accepted,
    0 as refused,
    0 as invalid,
    0 as incomplete,
    0 as repeated,
    0 as outdated,
    0 as inconsistent,
    0 as identifier_faulty
  from {{ ref("stg_quality__accepted") }} as accepted
  inner join loads on accepted.dataset = loads.dataset and accepted.load_id = loads.load_id
  union all
  select
    refused.dataset,
    refused.unit_code,
    refused.month,
    0,
    refused.refused,
    refused.refused * kinds.invalid,
    refused.refused * kinds.incomplete,
    refused.refused * kinds.repeated,
    refused.refused * kinds.outdated,
    refused.refused * kinds.inconsistent,
    refused.refused * kinds.identifier_faulty
  from refused
  inner join {{ ref("int_refusal_kind") }} as kinds
    on refused.dataset = kinds.dataset and refused.reasons = kinds.reasons
  where refused.from_newest = 1 or refused.record_id = ''
)

select
  counted.dataset,
  communes.unit_code,
  counted.month,
  cast(sum(counted.accepted + counted.refused) as bigint) as received,
  cast(sum(counted.accepted) as bigint) as accepted,
  cast(sum(counted.refused) as bigint) as refused,
  cast(sum(counted.invalid) as bigint) as invalid,
  cast(sum(counted.incomplete) as bigint) as incomplete,
  cast(sum(counted.repeated) as bigint) as repeated,
  cast(sum(counted.outdated) as bigint) as outdated,
  cast(sum(counted.inconsistent) as bigint) as inconsistent,
  cast(sum(counted.identifier_faulty) as bigint) as identifier_faulty
from counted
inner join {{ contracts() }} as contracts on counted.dataset = contracts.dataset
left join communes on counted.unit_code = communes.unit_code
where contracts.tier not in ('reference', 'derived')
group by counted.dataset, communes.unit_code, counted.month
