-- Electricity sold by commune and month. What is billed afterwards is energy sold but no further customer; customers are those
-- of the last day delivered. Days that were not delivered are missing in the sum: electricity_days tells how many are in it.
with daily as (
  select
    commune_code as unit_code,
    cast(date_trunc('month', day) as date) as month,
    day,
    sum(energy_kwh) as kwh,
    count(*) filter (where customer_class <> 'adjustment') as classes,
    sum(customers) filter (where customer_class <> 'adjustment') as customers
  from {{ ref("stg_utilities__electricity") }}
  where commune_code in ({{ our_communes() }})
  group by commune_code, day
),

last_days as (
  select
    unit_code,
    month,
    customers,
    row_number() over (partition by unit_code, month order by day desc) as newest
  from daily
  where classes > 0
),

energy as (
  select
    unit_code,
    month,
    sum(kwh) as electricity_kwh,
    count(*) filter (where classes > 0) as electricity_days
  from daily
  group by unit_code, month
),

customers as (
  select unit_code, month, customers as electricity_customers
  from last_days
  where newest = 1
),

by_class as (
  select
    commune_code as unit_code,
    cast(date_trunc('month', day) as date) as month,
    customer_class,
    sum(energy_kwh) as electricity_kwh_by_class
  from {{ ref("stg_utilities__electricity") }}
  where commune_code in ({{ our_communes() }})
  group by commune_code, cast(date_trunc('month', day) as date), customer_class
)

{{ long_measures("energy", ["electricity_kwh", "electricity_days"]) }}
union all
{{ long_measures("customers", ["electricity_customers"]) }}
union all
{{ long_measures("by_class", ["electricity_kwh_by_class"], "customer_class") }}
