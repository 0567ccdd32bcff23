-- For leaders, so rounded to five and without counts under 5: observed and forecast cases by province, disease and month: one line and one fan in a chart.
with newest as (
  select unit_code, disease_code, max(origin) as origin
  from {{ ref("stg_models__forecasts") }}
  group by unit_code, disease_code
),

forecast as (
  select forecasts.*
  from {{ ref("stg_models__forecasts") }} as forecasts
  inner join newest
    on forecasts.unit_code = newest.unit_code
      and forecasts.disease_code = newest.disease_code
      and forecasts.origin = newest.origin
),

-- of months of which communes' figures are told, the own province's is what is told beside them
observed as (
  select
    reports.province_code as unit_code,
    reports.disease_code,
    reports.month,
    case
      when figures.unit_code is null then {{ round_small("reports.cases") }}
      else cast(figures.numerator as bigint)
    end as cases
  from {{ ref("int_disease_province_month") }} as reports
  left join {{ ref("int_indicator_told") }} as figures
    on figures.indicator_code = 'disease_cases'
      and reports.province_code = figures.unit_code
      and reports.disease_code = figures.item
      and reports.month = figures.month
)

select
  coalesce(observed.unit_code, forecast.unit_code) as unit_code,
  units.name as unit_name,
  coalesce(observed.disease_code, forecast.disease_code) as disease_code,
  diseases.name_vi as disease_name,
  coalesce(observed.month, forecast.month) as month,
  observed.cases,
  forecast.q05,
  forecast.q10,
  forecast.q25,
  forecast.q50,
  forecast.q75,
  forecast.q90,
  forecast.q95,
  forecast.model,
  coalesce(models.name_vi, forecast.model) as model_name,
  forecast.origin,
  forecast.horizon,
  forecast.note
from observed
full outer join forecast
  on observed.unit_code = forecast.unit_code
    and observed.disease_code = forecast.disease_code
    and observed.month = forecast.month
inner join {{ ref("dim_unit") }} as units on coalesce(observed.unit_code, forecast.unit_code) = units.unit_code
inner join {{ ref("dim_disease") }} as diseases
  on coalesce(observed.disease_code, forecast.disease_code) = diseases.disease_code
left join {{ ref("forecast_models") }} as models on forecast.model = models.model
