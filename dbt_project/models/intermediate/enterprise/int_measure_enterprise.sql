-- Events in the enterprise register by commune and month in which they happened.
with events as (
  select
    commune_code as unit_code,
    cast(date_trunc('month', event_date) as date) as month,
    count(*) filter (where event_kind = 'founded') as enterprises_founded,
    count(*) filter (where event_kind = 'dissolved') as enterprises_dissolved,
    count(*) filter (where event_kind = 'suspended') as enterprises_suspended,
    sum(charter_capital) filter (where event_kind = 'founded') as enterprise_capital_new,
    sum(workers) filter (where event_kind = 'founded') as enterprise_workers_new
  from {{ ref("stg_enterprise__registrations") }}
  group by commune_code, cast(date_trunc('month', event_date) as date)
),

counted as (
  {{ long_measures(
    "events",
    [
      "enterprises_founded", "enterprises_dissolved", "enterprises_suspended", "enterprise_capital_new",
      "enterprise_workers_new"
    ]
  ) }}
),

kinds as (
  select measure, '' as item from (
    values
      ('enterprises_founded'), ('enterprises_dissolved'), ('enterprises_suspended'), ('enterprise_capital_new'),
      ('enterprise_workers_new')
  ) as names (measure)
)

{{ with_zeros("enterprise.registrations", "counted", "kinds") }}
