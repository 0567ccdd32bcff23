-- Cases by commune, disease and month of onset, as known at the last local midnight; discarded ones are none.
with cases as (
  select commune_code as unit_code, cast(date_trunc('month', onset_date) as date) as month, disease_code, count(*) as cases
  from (
    {{ known_by_midnight(
      "health.case_reports", ["case_id"], "updated_at",
      ["case_id", "commune_code", "disease_code", "classification", "onset_date"]
    ) }}
  ) as known
  where classification <> 'discarded'
  group by commune_code, cast(date_trunc('month', onset_date) as date), disease_code
),

counted as (
  {{ long_measures("cases", ["cases"], "disease_code") }}
),

kinds as (select 'cases' as measure, disease_code as item from {{ ref("dim_disease") }})

{{ with_zeros("health.case_reports", "counted", "kinds", "yesterday") }}
