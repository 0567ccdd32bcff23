-- Incidents by commune and month in which they happened.
with incidents as (
  select
    commune_code as unit_code,
    month,
    count(*) as incidents,
    count(*) filter (where closed) as incidents_closed,
    count(*) filter (where hour_band = 'night') as night_incidents
  from {{ ref("int_incident") }}
  group by commune_code, month
),

by_category as (
  select commune_code as unit_code, month, category, count(*) as incidents_by_kind
  from {{ ref("int_incident") }}
  group by commune_code, month, category
),

counted as (
  {{ long_measures("incidents", ["incidents", "incidents_closed", "night_incidents"]) }}
  union all
  {{ long_measures("by_category", ["incidents_by_kind"], "category") }}
),

kinds as (
  select distinct 'incidents_by_kind' as measure, category as item from by_category
  union all
  select measure, '' from (values ('incidents'), ('incidents_closed'), ('night_incidents')) as names (measure)
)

{{ with_zeros("security.incidents", "counted", "kinds", "yesterday") }}
