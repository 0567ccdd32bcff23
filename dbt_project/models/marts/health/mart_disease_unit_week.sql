-- Exact cases and incidence by unit, disease and week: for the health sector, which has the right to small counts. Of the last
-- weeks also how many there will be once all are reported; what came in since the models ran is never more than that.
with counted as (
  {{ cases_by_unit('week_start') }}
),

newest as (
  select max(origin) as origin from {{ ref("stg_models__nowcasts") }}
)

select
  counted.*,
  nowcasts.until_day as nowcast_until,
  case when nowcasts.cases is not null then 100.0 * nowcasts.known_share end as reported_pct,
  case when nowcasts.cases is not null then greatest(nowcasts.cases, counted.cases) end as cases_expected,
  case when nowcasts.cases is not null then greatest(nowcasts.low, counted.cases) end as cases_low,
  case when nowcasts.cases is not null then greatest(nowcasts.high, counted.cases) end as cases_high
from counted
cross join newest
left join {{ ref("stg_models__nowcasts") }} as nowcasts
  on counted.unit_code = nowcasts.unit_code
    and counted.disease_code = nowcasts.disease_code
    and counted.week_start = nowcasts.week_start
    and newest.origin = nowcasts.origin
