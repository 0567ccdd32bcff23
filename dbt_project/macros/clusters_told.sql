{# Clusters of the newest night in words: of a measure of models.clusters. item_name: SQL of the item's Vietnamese name; counted:
   what one of them is called. exact: otherwise counts are told in steps of five and nothing that they follow from. #}
{% macro clusters_told(measure, item_name, counted, exact=true) -%}
with newest as (
  select max(origin) as origin from {{ ref("int_told_month") }} where dataset = 'models.clusters'
),

found as (
  select clusters.*, {{ item_name }} as item_name
  from {{ ref("stg_models__clusters") }} as clusters
  inner join newest on clusters.origin = newest.origin
  where clusters.measure = '{{ measure }}'
),

members as (select item, cluster, {{ unnest_list("units") }} as unit_code from found),

named as (
  select members.item, members.cluster, {{ joined_texts("units.name", ", ", "units.name") }} as unit_names
  from members
  inner join {{ ref("dim_unit") }} as units on members.unit_code = units.unit_code
  group by members.item, members.cluster
)

select
  found.item,
  found.item_name,
  cast(found.cluster as integer) as cluster_number,
  found.unit_code,
  units.name as unit_name,
  named.unit_names,
  cast(found.communes as integer) as communes,
  found.radius_km,
  found.period_start,
  cast(found.period_start + 7 * cast(found.weeks as integer) - 1 as date) as period_end,
  {% if exact -%}
  found.observed,
  found.expected,
  found.relative_risk,
  found.p_value,
  {%- else -%}
  {{ round_small("found.observed") }} as observed,
  {{ round_small("found.expected") }} as expected,
  {%- endif %}
  cast(found.past_weeks as integer) as past_weeks,
  {{ "found.recurrence_weeks" if exact else "round(found.recurrence_weeks) as recurrence_weeks" }},
  found.severity,
  {{ severity_vi("found.severity") }} as severity_vi,
  'Từ ' || strftime(found.period_start, '%d/%m/%Y') || ' đến '
    || strftime(cast(found.period_start + 7 * cast(found.weeks as integer) - 1 as date), '%d/%m/%Y') || ', '
    || cast(found.communes as varchar) || ' xã, phường (' || named.unit_names || ') có '
    {% if exact -%}
    || {{ number_vi("found.observed", 0) }} || ' {{ counted }}, mức thường gặp ' || {{ number_vi("found.expected", 1) }}
    || '; xác suất do ngẫu nhiên '
    || case when found.p_value <= 0.001 then 'không quá 0,1' else {{ number_vi("100 * found.p_value", 1) }} end || ' %; theo '
    {%- else -%}
    || replace({{ case_band("found.observed") }}, ' ca', ' {{ counted }}') || ', mức thường gặp '
    || replace({{ case_band("found.expected") }}, ' ca', ' {{ counted }}') || '; theo '
    {%- endif %}
    || cast(found.past_weeks as varchar) || ' tuần trước, mức này tự nhiên khoảng '
    || {{ number_vi("found.recurrence_weeks", 0) }} || ' tuần mới gặp một lần' as sentence_vi
from found
inner join named on found.item = named.item and found.cluster = named.cluster
inner join {{ ref("dim_unit") }} as units on found.unit_code = units.unit_code
{%- endmacro %}
