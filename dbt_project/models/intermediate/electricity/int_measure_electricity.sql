-- Electricity sold by commune and month. What is billed afterwards is energy sold but no further customer; customers are those
-- of the last day delivered. Days that were not delivered are missing in the sum: electricity_days tells how many are in it.
with daily as (
  select
    commune_code as unit_code,
    day,
    customer_class,
    sum(energy_kwh) as kwh,
    sum(customers) as customers
  from {{ ref("stg_utilities__electricity") }}
  where commune_code in ({{ our_communes() }})
  group by commune_code, day, customer_class
),

metered as (
  select
    unit_code,
    cast(date_trunc('month', day) as date) as month,
    day,
    sum(customers) as customers,
    row_number() over (partition by unit_code, date_trunc('month', day) order by day desc) as newest
  from daily
  where customer_class <> 'adjustment'
  group by unit_code, day
),

by_class as (
  select
    unit_code,
    cast(date_trunc('month', day) as date) as month,
    customer_class,
    sum(kwh) as electricity_kwh_by_class
  from daily
  group by unit_code, cast(date_trunc('month', day) as date), customer_class
),

energy as (
  select unit_code, month, sum(electricity_kwh_by_class) as electricity_kwh
  from by_class
  group by unit_code, month
),

meters as (
  select
    unit_code,
    month,
    count(*) as electricity_days,
    max(customers) filter (where newest = 1) as electricity_customers
  from metered
  group by unit_code, month
)

{{ long_measures("energy", ["electricity_kwh"]) }}
union all
{{ long_measures("meters", ["electricity_days", "electricity_customers"]) }}
union all
{{ long_measures("by_class", ["electricity_kwh_by_class"], "customer_class") }}
