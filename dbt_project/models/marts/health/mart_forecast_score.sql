select
  scores.origin,
  scores.disease_code,
  diseases.name_vi as disease_name,
  scores.model,
  coalesce(models.name_vi, scores.model) as model_name,
  scores.horizon,
  scores.crps,
  scores.mase,
  scores.coverage_50,
  scores.coverage_80,
  scores.skill_climatology,
  scores.skill_seasonal_naive,
  scores.chance_climatology,
  scores.chance_seasonal_naive,
  scores.origins,
  scores.cells,
  scores.champion,
  scores.note
from {{ ref("stg_models__backtests") }} as scores
inner join {{ ref("dim_disease") }} as diseases on scores.disease_code = diseases.disease_code
left join {{ ref("forecast_models") }} as models on scores.model = models.model
