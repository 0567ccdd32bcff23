{# The newest forecasts of the registered series that an audience may see, with the champion's skill and why it is climatology. #}
{% macro series_told(audience) -%}
with newest as (
  select series, max(told_in) as told_in
  from {{ ref("stg_models__series_forecasts") }}
  group by series
),

units as (
  select unit_code, name, level, province_code from {{ ref("dim_unit") }}
  union all
  select distinct cluster_code, cluster_name, 'cluster', province_code from {{ ref("dim_unit") }} where cluster_code is not null
  union all
  select 'VN', 'Cả nước', 'country', cast(null as varchar)
)

select
  forecasts.series,
  registry.title as series_name,
  registry.measured_in,
  registry.frequency,
  forecasts.item,
  coalesce(items.name_vi, diseases.name_vi, case forecasts.item when 'total' then 'Tổng số' else forecasts.item end) as item_name,
  forecasts.unit_code,
  units.name as unit_name,
  units.level,
  units.province_code,
  forecasts.origin,
  forecasts.period_start,
  cast(forecasts.horizon as integer) as horizon,
  forecasts.q05,
  forecasts.q10,
  forecasts.q25,
  forecasts.q50,
  forecasts.q75,
  forecasts.q90,
  forecasts.q95,
  forecasts.expected,
  forecasts.model,
  case
    when registry.frequency = 'day' and forecasts.model = 'climatology' then 'Mức thường gặp của cùng thứ trong tuần'
    else coalesce(models.name_vi, forecasts.model)
  end as model_name,
  forecasts.skill_climatology,
  forecasts.skill_seasonal_naive,
  forecasts.crps,
  forecasts.coverage_50,
  forecasts.coverage_80,
  cast(forecasts.origins as integer) as origins,
  forecasts.training_from,
  forecasts.note
from {{ ref("stg_models__series_forecasts") }} as forecasts
inner join newest on forecasts.series = newest.series and forecasts.told_in = newest.told_in
inner join {{ series() }} as registry on forecasts.series = registry.series and registry.audience = '{{ audience }}'
inner join units on forecasts.unit_code = units.unit_code
left join {{ series_items() }} as items on forecasts.series = items.series and forecasts.item = items.item
left join {{ ref("dim_disease") }} as diseases on forecasts.item = diseases.disease_code
left join {{ ref("forecast_models") }} as models on forecasts.model = models.model
{%- endmacro %}
