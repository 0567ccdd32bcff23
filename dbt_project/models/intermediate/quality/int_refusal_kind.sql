-- What each combination of reasons is: its most urgent kind of fault, the time to mend it, the dimensions it counts against,
-- and whether it is about what tells a record or a person.
with combinations as (select distinct dataset, reasons from {{ ref("int_refused") }}),

codes as (
  select dataset, reasons, {{ unnest_words("reasons") }} as code
  from combinations
),

ranked as (
  select
    codes.dataset,
    codes.reasons,
    codes.code,
    kinds.kind,
    kinds.kind_vi,
    kinds.dimension,
    kinds.repair_days,
    kinds.rank,
    row_number() over (partition by codes.dataset, codes.reasons, codes.code order by kinds.rank) as nth
  from codes
  inner join {{ error_kinds() }} as kinds on codes.code like kinds.code
),

fitting as (
  select
    *,
    row_number() over (partition by dataset, reasons order by repair_days, rank, code) as urgency
  from ranked
  where nth = 1
)

select
  fitting.dataset,
  fitting.reasons,
  max(case when urgency = 1 then kind end) as kind,
  max(case when urgency = 1 then kind_vi end) as kind_vi,
  cast(min(repair_days) as integer) as repair_days,
  max(case when dimension = 'valid' then 1 else 0 end) as invalid,
  max(case when dimension = 'complete' then 1 else 0 end) as incomplete,
  max(case when dimension = 'unique' then 1 else 0 end) as repeated,
  max(case when dimension = 'fresh' then 1 else 0 end) as outdated,
  max(case when dimension = 'consistent' then 1 else 0 end) as inconsistent,
  max(
    case
      when fitting.code = 'duplicate' or fitting.code like 'identifier:%' then 1
      when fitting.kind in ('missing', 'format')
        and contracts.identifiers like '% ' || split_part(fitting.code, ':', 2) || ' %' then 1
      else 0
    end
  ) as identifier_faulty
from fitting
inner join {{ contracts() }} as contracts on fitting.dataset = contracts.dataset
group by fitting.dataset, fitting.reasons
