-- What is to be reached, by kind of unit and date; of plans of a year, by the end of each of its months.
select
  indicator_code,
  unit_kind,
  cast(null as integer) as month_of_year,
  cast(target as double) as target,
  cast(attention as double) as attention,
  cast(effective_from as date) as effective_from,
  cast(effective_to as date) as effective_to,
  source_note
from {{ ref("targets") }}
union all
select
  indicator_code,
  cast(null as varchar) as unit_kind,
  cast(month_of_year as integer) as month_of_year,
  cast(target as double) as target,
  cast(attention as double) as attention,
  cast(effective_from as date) as effective_from,
  cast(effective_to as date) as effective_to,
  source_note
from {{ ref("target_paths") }}
