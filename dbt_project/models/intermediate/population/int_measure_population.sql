-- Residents and their movement by commune and month. A month counts when every age band and sex came: a sum with a missing
-- part would be too small. How long residents stand as a denominator when no month comes is the rule of measures.
with delivered as (
  select
    commune_code as unit_code,
    month,
    count(*) as cells,
    sum(residents) as residents,
    sum(residents) filter (
      where age_band in ('15-19', '20-24', '25-29', '30-34', '35-39', '40-44', '45-49', '50-54', '55-59')
    ) as residents_working_age,
    sum(births) as births,
    sum(deaths) as deaths,
    sum(moved_in) as moved_in,
    sum(moved_out) as moved_out,
    sum(moved_in) - sum(moved_out) as net_moves
  from {{ ref("stg_population__residents") }}
  where commune_code in ({{ our_communes() }})
  group by commune_code, month
),

whole as (
  select *
  from delivered
  where cells = (
    select count(*) from (select distinct age_band, sex from {{ ref("stg_population__residents") }}) as cells
  )
)

{{ long_measures("whole", [
  "residents", "residents_working_age", "births", "deaths", "moved_in", "moved_out", "net_moves"
]) }}
