"""Forecasts of monthly cases by the champion of each disease."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from models_ml.backtests import BASELINE, HORIZON
from models_ml.candidates import CANDIDATES, Candidate
from models_ml.panel import Panel, at, panels

LEVELS = {"q05": 0.05, "q10": 0.10, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q90": 0.90, "q95": 0.95}


def forecast(
    features: pl.DataFrame,
    backtests: pl.DataFrame,
    code_version: str,
    candidates: Mapping[str, Candidate] = CANDIDATES,
) -> pl.DataFrame:
    """Quantiles 1–3 months ahead of every province and disease; rows by the contract models.forecasts.

    features: `int_disease_province_month`. backtests: what `backtest` gave for the same features. A champion that
    fails now gives way to climatology, and the row says so by its model.
    """
    chosen = {
        (disease, origin): model
        for disease, origin, model in backtests.filter("champion")
        .select("disease_code", "origin", "model")
        .unique()
        .iter_rows()
    }
    tables = [_forecast(panel, chosen.get((panel.disease, panel.origin), BASELINE), candidates) for panel in panels(features)]
    columns = ["origin", "unit_code", "disease_code", "month", "horizon", "model", *LEVELS, "training_from"]
    return pl.concat(tables).select(*columns, code_version=pl.lit(code_version)) if tables else pl.DataFrame()


def _forecast(panel: Panel, model: str, candidates: Mapping[str, Candidate]) -> pl.DataFrame:
    try:
        quantiles = candidates[model](panel, HORIZON)
    except Exception:  # a library's failure must not leave leaders without a figure
        model, quantiles = BASELINE, candidates[BASELINE](panel, HORIZON)
    months = panel.months[-1] + np.arange(1, HORIZON + 1)
    count = len(panel.units)
    frame = pl.DataFrame(
        {
            "unit_code": np.repeat(panel.units, HORIZON),
            "month": np.tile(months.astype("datetime64[D]"), count),
            "horizon": np.tile(np.arange(1, HORIZON + 1), count),
            **{name: at(quantiles, level).ravel() for name, level in LEVELS.items()},
        }
    )
    return frame.with_columns(
        origin=pl.lit(panel.origin),
        disease_code=pl.lit(panel.disease),
        model=pl.lit(model),
        training_from=pl.lit(panel.months[0].astype(object)),
    )
