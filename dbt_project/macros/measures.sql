{# What the models int_measure_<theme> share: one long shape of unit_code, month, measure, item, value. #}

{# The communes of the installation's province, as one column `unit_code`. #}
{% macro our_communes() -%}
  select unit_code
  from {{ ref("stg_admin__units") }}
  where level = 'commune' and province_code = '{{ env_var("KHO_PROVINCE", "68") }}'
{%- endmacro %}

{# The first month of a dataset that is known from its first day. #}
{% macro first_month(dataset) -%}
  (select first_month from {{ ref("int_dataset_start") }} where dataset = '{{ dataset }}')
{%- endmacro %}

{# Months from a dataset's first whole one to the one of `last_day`, a column of int_moment, as one column `month`. #}
{% macro measured_months(dataset, last_day="today") -%}
  select day as month
  from ({{ date_series(first_month(dataset), "(select " ~ last_day ~ " from " ~ ref("int_moment") ~ ")", "month") }}) as days
{%- endmacro %}

{# The same for what is judged at a month's end, the running one at the last midnight: columns `month`, `until_day` (not included). #}
{% macro judged_months(dataset) -%}
  select
    months.month,
    least(cast(months.month + interval '1' month as date), moment.today) as until_day
  from ({{ measured_months(dataset, "yesterday") }}) as months
  cross join {{ ref("int_moment") }} as moment
{%- endmacro %}

{# Counted events with the zeros: every commune, month and kind (measure, item) has a row, since nothing counted means nothing
   happened. Before the dataset's first whole month counts would be too low and are left out.
   counted: relation in the long shape. kinds: relation of measure, item. #}
{% macro with_zeros(dataset, counted, kinds, last_day="today") -%}
  select
    communes.unit_code,
    months.month,
    kinds.measure,
    kinds.item,
    coalesce(counted.value, 0.0) as value
  from ({{ our_communes() }}) as communes
  cross join ({{ measured_months(dataset, last_day) }}) as months
  cross join {{ kinds }} as kinds
  left join {{ counted }} as counted
    on communes.unit_code = counted.unit_code
      and months.month = counted.month
      and kinds.measure = counted.measure
      and kinds.item = counted.item
{%- endmacro %}
