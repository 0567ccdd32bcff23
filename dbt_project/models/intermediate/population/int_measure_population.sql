-- Residents and their movement by commune and month. A month counts when every age band and sex came: a sum with a missing
-- part would be too small. As a denominator the residents of the newest month stand until the next one comes.
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
  select
    delivered.*,
    lead(delivered.month) over (partition by delivered.unit_code order by delivered.month) as next_month
  from delivered
  where delivered.cells = (
    select count(*) from (select distinct age_band, sex from {{ ref("stg_population__residents") }}) as cells
  )
),

months as (
  select day as month
  from (
    {{ date_series("(select min(month) from whole)", "(select today from " ~ ref("int_moment") ~ ")", "month") }}
  ) as days
),

standing as (
  select whole.unit_code, months.month, whole.residents, whole.residents_working_age
  from whole
  inner join months
    on whole.month <= months.month and (whole.next_month is null or months.month < whole.next_month)
)

{{ long_measures("standing", ["residents", "residents_working_age"]) }}
union all
{{ long_measures("whole", ["births", "deaths", "moved_in", "moved_out", "net_moves"]) }}
