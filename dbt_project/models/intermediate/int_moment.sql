-- The moment for which everything is built, as one row: now, or the time that was asked for.
select
  {{ local_time("moment") }} as local_time,
  cast({{ local_time("moment") }} as date) as today,
  cast(cast({{ local_time("moment") }} as date) - interval '1' day as date) as yesterday
from (select coalesce(max(as_of), current_timestamp) as moment from {{ ledger_index() }}) as ledger
