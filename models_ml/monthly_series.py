"""Monthly series of the registry that have no part of their own, by the candidates of the disease forecasts."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext

import numpy as np
import polars as pl

from models_ml.backtests import backtest
from models_ml.candidates import CANDIDATES, Candidate
from models_ml.forecasting import forecast
from models_ml.panel import LEVELS, MEASURES, Floats
from models_ml.series_items import Item, levels
from models_ml.series_registry import SIMPLE, Level, MonthSeries, candidates_at
from models_ml.workers import worker_pool

COLUMNS = (
    "item", "unit_code", "origin", "period_start", "horizon", "model", *LEVELS, "expected", "skill_climatology",
    "skill_seasonal_naive", *MEASURES, "origins", "training_from", "note",
)  # fmt: skip


def monthly(series: MonthSeries, fresh: Sequence[Item], pool: Executor | None = None) -> pl.DataFrame:
    """Forecasts of the items at every level of the hierarchy; every level of an item is learnt by itself.

    pool: where the fits run, by default processes of this call's own.
    """
    features: dict[Level, list[pl.DataFrame]] = {}
    for item in fresh:
        for level, units, values in levels(series, item):
            features.setdefault(level, []).append(_features(item, units, values))
    with nullcontext(pool) if pool else worker_pool() as workers:
        tables = [
            _told(
                pl.concat(of_items, how="diagonal"),
                {name: CANDIDATES[name] for name in candidates_at(series, level)},
                workers,
            )
            for level, of_items in features.items()
        ]
    return pl.concat(tables)


def _told(features: pl.DataFrame, candidates: Mapping[str, Candidate], pool: Executor) -> pl.DataFrame:
    """By COLUMNS, of one level."""
    scores = backtest(features, candidates, pool=pool)
    told = forecast(features, scores, "", candidates, pool)
    measured = scores.select("disease_code", "origin", "model", "horizon", *MEASURES)
    skills = scores.filter(horizon=0).select(
        "disease_code", "origin", "model", "origins", *(f"skill_{rule}" for rule in SIMPLE)
    )
    return (
        told.join(skills, on=["disease_code", "origin", "model"], how="left")
        .join(measured, on=["disease_code", "origin", "model", "horizon"], how="left")
        .with_columns(pl.col("origins").fill_null(0))
        .rename({"month": "period_start", "disease_code": "item"})
        .select(COLUMNS)
    )


def _features(item: Item, units: list[str], values: Floats) -> pl.DataFrame:
    """Rows as the candidates of the disease forecasts read them; the weather is that of the lowest level's units."""
    rows = pl.DataFrame(
        {
            "province_code": np.repeat(units, len(item.periods)),
            "disease_code": item.name,
            "month": item.periods * len(units),
            "cases": pl.Series(values.ravel()).fill_nan(None),
        }
    )
    if not item.weather.width:
        return rows
    weather = item.weather.rename({"unit_code": "province_code", "period": "month"})
    return rows.join(weather, on=["province_code", "month"], how="left")
