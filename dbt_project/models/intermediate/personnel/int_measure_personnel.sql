-- Staff of the communes as reported by the month; a report that is missing is no row.
with reported as (
  select
    commune_code as unit_code,
    month,
    posts_assigned,
    officers_present,
    one_stop_officers,
    officers_trained_digital
  from {{ ref("stg_personnel__officers") }}
  where commune_code in ({{ our_communes() }})
)

{{ long_measures("reported", ["posts_assigned", "officers_present", "one_stop_officers", "officers_trained_digital"]) }}
