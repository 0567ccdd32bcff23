"""Forecasts of monthly cases by the champion of each disease."""

from collections.abc import Mapping
from concurrent.futures import Executor, Future
from contextlib import nullcontext

import numpy as np
import polars as pl

from models_ml.backtests import HORIZON
from models_ml.candidates import BASELINE, CANDIDATES, POOLED, Candidate, predict
from models_ml.champions import NAMES, successors
from models_ml.ensemble import combine, members
from models_ml.panel import LEVELS, Flags, Floats, Panel, at, panels
from models_ml.workers import worker_pool

SCHEMA = pl.Schema(
    {
        "origin": pl.Date(),
        "unit_code": pl.String(),
        "disease_code": pl.String(),
        "month": pl.Date(),
        "horizon": pl.Int64(),
        "model": pl.String(),
        **dict.fromkeys(LEVELS, pl.Float64()),
        "expected": pl.Float64(),
        "training_from": pl.Date(),
        "code_version": pl.String(),
        "note": pl.String(),
    }
)
NO_BACKTEST = "Mô hình chưa được kiểm định ngược; dự báo bằng mức cùng tháng các năm trước"
FAILED_NOW = "Mô hình được chọn ({model}) gặp lỗi ở lần chạy này; dự báo bằng {next}"
NOT_LEARNED_HERE = (
    "Số liệu của đơn vị quá ít, không đổi hoặc thiếu quá nhiều để mô hình được chọn học; "
    "dự báo bằng mức cùng tháng các năm trước"
)
_SERIES_A_JOB = 8
Job = Future[tuple[Floats, Flags]]


def forecast(
    features: pl.DataFrame,
    backtests: pl.DataFrame,
    code_version: str,
    candidates: Mapping[str, Candidate] = CANDIDATES,
    pool: Executor | None = None,
) -> pl.DataFrame:
    """Quantiles 1–3 months ahead of every province and disease; rows by the contract models.forecasts, and `expected`,
    the mean.

    features: `int_disease_province_month`. backtests: what `backtest` gave for the same features; a disease without a
    champion there is forecast by climatology. `model` is what made the row: where the champion fails now, the next
    best one that surely beats both simple rules, where it cannot learn from one series, climatology; `note` says why.
    """
    overall = backtests.filter(pl.col("horizon") == 0)
    ranked = {key: _ranking(rows) for key, rows in overall.partition_by("disease_code", "origin", as_dict=True).items()}
    groups = panels(features)
    choices = [ranked.get((panel.disease, panel.origin), [(BASELINE, NO_BACKTEST)]) for panel in groups]
    models = [_runnable(ranking[0][0], candidates) for ranking in choices]
    with nullcontext(pool) if pool else worker_pool() as workers:
        jobs = [
            [_start(panel, member, candidates, workers) for member in members(model)]
            for panel, model in zip(groups, models, strict=True)
        ]
        tables = [
            _table(panel, *_made(panel, ranking, started, candidates, workers))
            for panel, ranking, started in zip(groups, choices, jobs, strict=True)
        ]
    return pl.concat(
        [
            SCHEMA.to_frame(),
            *(table.with_columns(code_version=pl.lit(code_version)).select(SCHEMA.names()) for table in tables),
        ]
    )


def _ranking(scores: pl.DataFrame) -> list[tuple[str, str | None]]:
    """The champion with its note, then those that may follow it."""
    champions = scores.filter("champion").select("model", "note").rows()
    return [*(champions or [(BASELINE, NO_BACKTEST)]), *((model, None) for model in successors(scores))]


def _runnable(model: str, candidates: Mapping[str, Candidate]) -> str:
    return model if all(member in candidates for member in members(model)) else BASELINE


def _start(panel: Panel, model: str, candidates: Mapping[str, Candidate], pool: Executor) -> list[Job]:
    """The fits of one model, in pieces of a few series so that every core has some, unless it learns from all."""
    numbers = np.arange(len(panel.units))
    size = len(numbers) if model in POOLED else _SERIES_A_JOB
    parts = [panel.only(numbers[start : start + size]) for start in numbers[::size]]
    return [pool.submit(predict, candidates[model], part, HORIZON) for part in parts]


def _made(
    panel: Panel,
    ranking: list[tuple[str, str | None]],
    jobs: list[list[Job]],
    candidates: Mapping[str, Candidate],
    pool: Executor,
) -> tuple[Floats, list[str], list[str | None]]:
    """The quantiles and, by series, the model that made them and why it is not the champion's."""
    chosen, note = ranking[0]
    model, answers = chosen, _answers(jobs) if _runnable(chosen, candidates) == chosen else []
    others = [name for name, _ in ranking[1:] if _runnable(name, candidates) == name]
    while not answers:  # a failure, here or elsewhere, must not leave leaders without a figure
        model = others.pop(0) if others else BASELINE
        note = FAILED_NOW.format(model=NAMES.get(chosen, chosen), next=NAMES.get(model, model))
        answers = _answers([_start(panel, member, candidates, pool) for member in members(model)])
    quantiles, own = combine(answers)
    return (
        quantiles,
        [model if made else BASELINE for made in own],
        [note if made else NOT_LEARNED_HERE for made in own],
    )


def _answers(models: list[list[Job]]) -> list[tuple[Floats, Flags]]:
    return [answer for jobs in models if (answer := _answer(jobs)) is not None]


def _answer(jobs: list[Job]) -> tuple[Floats, Flags] | None:
    """One model's answers put together again; None where it failed."""
    try:
        answers = [job.result() for job in jobs]
    except Exception:  # whatever a library throws
        return None
    return np.concatenate([quantiles for quantiles, _ in answers]), np.concatenate([own for _, own in answers])


def _table(panel: Panel, quantiles: Floats, models: list[str], notes: list[str | None]) -> pl.DataFrame:
    first = panel.months[np.argmax(panel.known, axis=1)].astype("datetime64[D]")
    count = len(panel.units)
    return pl.DataFrame(
        {
            "unit_code": np.repeat(panel.units, HORIZON),
            "month": np.tile(panel.coming(HORIZON).astype("datetime64[D]"), count),
            "horizon": np.tile(np.arange(1, HORIZON + 1), count),
            "model": np.repeat(models, HORIZON),
            **{name: at(quantiles, level).ravel() for name, level in LEVELS.items()},
            "expected": quantiles.mean(axis=-1).ravel(),
            "training_from": np.repeat(first, HORIZON),
            "note": pl.Series([note for note in notes for _ in range(HORIZON)], dtype=pl.String()),
        }
    ).select(
        pl.lit(panel.origin).alias("origin"),
        "unit_code",
        pl.lit(panel.disease).alias("disease_code"),
        "month",
        "horizon",
        "model",
        *LEVELS,
        "expected",
        "training_from",
        "note",
    )
