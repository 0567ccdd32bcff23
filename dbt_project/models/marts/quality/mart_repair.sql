-- What waits to be mended: refused records by unit, dataset and kind of fault, counts alone. A record with several faults
-- counts under its most urgent one. Counts of restricted datasets are told to the nearest five, and
-- those under 5 in words.
with moment as (
  select cast({{ local_time("coalesce(max(as_of), current_timestamp)") }} as date) as today from {{ ledger_index() }}
),

counted as (
  select
    waiting.dataset,
    units.unit_code,
    units.name as unit_name,
    waiting.kind,
    waiting.kind_vi,
    waiting.repair_days,
    sum(waiting.records) as records,
    sum(case when waiting.repair_by < moment.today then waiting.records else 0 end) as overdue,
    min(waiting.refused_on) as refused_since,
    min(waiting.repair_by) as next_deadline
  from {{ ref("int_refused_open") }} as waiting
  cross join moment
  left join {{ ref("dim_unit") }} as units
    on waiting.unit_code = units.unit_code
      and units.level = 'commune'
      and units.province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
  group by waiting.dataset, units.unit_code, units.name, waiting.kind, waiting.kind_vi, waiting.repair_days
)

select
  counted.dataset,
  contracts.title,
  contracts.owner as agency_code,
  coalesce(counted.unit_code, '') as unit_code,
  coalesce(counted.unit_name, 'Không rõ đơn vị') as unit_name,
  counted.kind,
  counted.kind_vi,
  counted.repair_days,
  case
    when contracts.secrecy = 'restricted' then {{ round_small("counted.records") }}
    else cast(counted.records as bigint)
  end as records,
  case
    when contracts.secrecy = 'restricted' then {{ round_small("counted.overdue") }}
    else cast(counted.overdue as bigint)
  end as overdue,
  case
    when contracts.secrecy = 'restricted' and counted.records < 5 then 'dưới 5 bản ghi'
    when contracts.secrecy = 'restricted' then 'khoảng ' || cast({{ round_small("counted.records") }} as varchar) || ' bản ghi'
    else cast(counted.records as varchar) || ' bản ghi'
  end as records_vi,
  counted.refused_since,
  counted.next_deadline,
  counted.overdue > 0 as is_overdue
from counted
inner join {{ contracts() }} as contracts on counted.dataset = contracts.dataset
