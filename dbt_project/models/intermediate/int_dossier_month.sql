-- One row a dossier and month in which it was received or processed, and whether it counts as on time (QĐ 766 [2]).
-- Time waiting for the citizen is subtracted. What has no end by the period's end is judged at the period's end.
-- More than one request for supplements is late if waiting for supplements is all there is.
with as_of as (
  select coalesce(max(updated_at), timestamp '1970-01-01 00:00:00') as moment from {{ ref("int_dossier") }}
),

months as (
  select day as month, cast(day + interval '1' month as timestamp) as next_month
  from (
    {{ date_series("(select date_trunc('month', min(received_at)) from " ~ ref("int_dossier") ~ ")", "(select moment from as_of)", "month") }}
  ) as days
),

lives as (
  select
    dossiers.*,
    months.month,
    least(months.next_month, as_of.moment) as period_end
  from {{ ref("int_dossier") }} as dossiers
  cross join as_of
  inner join months
    on dossiers.received_at < months.next_month
      and (dossiers.ended_at is null or dossiers.ended_at >= months.month)
)

select
  dossier_id,
  commune_code,
  month,
  received_at >= month as received_in_month,
  coalesce(ended_at < cast(month + interval '1' month as timestamp), false) as ended_in_month,
  case
    when supplement_requests > 1 and status = 'supplement' then false
    else least(coalesce(ended_at, period_end), period_end) <= {{ add_hours("due_at", "waiting_hours") }}
  end as on_time
from lives
