select
  indicator_code,
  name_vi,
  unit,
  grain,
  direction,
  formula_vi,
  cast(points as double) as points,
  cast(target as double) as target,
  cast(attention as double) as attention,
  inputs,
  legal_source,
  source_note,
  cast(effective_from as date) as effective_from,
  cast(effective_to as date) as effective_to
from {{ ref("indicators") }}
