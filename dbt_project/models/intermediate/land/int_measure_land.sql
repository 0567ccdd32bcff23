-- Dealings in land by commune: handed in by the month of that day, decided and registered by the month of the decision.
with received as (
  select
    commune_code as unit_code,
    cast(date_trunc('month', submitted_on) as date) as month,
    count(*) as land_received
  from {{ ref("int_land_transaction") }}
  group by commune_code, cast(date_trunc('month', submitted_on) as date)
),

decided as (
  select
    commune_code as unit_code,
    cast(date_trunc('month', decided_on) as date) as month,
    count(*) as land_decided,
    count(*) filter (where status = 'registered') as land_transactions,
    count(*) filter (where status = 'registered' and transaction_kind = 'transfer') as land_transfers,
    sum(value_million_vnd) filter (where status = 'registered') as land_value
  from {{ ref("int_land_transaction") }}
  where decided_on is not null
  group by commune_code, cast(date_trunc('month', decided_on) as date)
),

counted as (
  {{ long_measures("received", ["land_received"]) }}
  union all
  {{ long_measures("decided", ["land_decided", "land_transactions", "land_transfers", "land_value"]) }}
),

kinds as (
  select measure, '' as item from (
    values ('land_received'), ('land_decided'), ('land_transactions'), ('land_transfers'), ('land_value')
  ) as names (measure)
)

{{ with_zeros("land.transactions", "counted", "kinds") }}
