"""Rolling-origin backtests: every candidate refitted at every origin, scored on what came after, and a champion."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, as_completed
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import polars as pl

from models_ml.candidates import BASELINE, BASELINES, CANDIDATES, FEWEST_MONTHS, SEASON, Candidate, predict
from models_ml.champions import choose
from models_ml.ensemble import MEMBERS, combine
from models_ml.panel import Flags, Floats, Panel, at, crps, panels
from models_ml.workers import worker_pool

HORIZON = 3
ORIGINS = 8
EVERY = 3  # months between origins
Progress = Callable[[int, int], None]

SCHEMA = pl.Schema(
    {
        "origin": pl.Date(),
        "disease_code": pl.String(),
        "model": pl.String(),
        "horizon": pl.Int64(),
        "crps": pl.Float64(),
        "mase": pl.Float64(),
        "coverage_50": pl.Float64(),
        "coverage_80": pl.Float64(),
        "skill_climatology": pl.Float64(),
        "skill_seasonal_naive": pl.Float64(),
        "chance_climatology": pl.Float64(),
        "chance_seasonal_naive": pl.Float64(),
        "origins": pl.Int64(),
        "cells": pl.Int64(),
        "champion": pl.Boolean(),
        "note": pl.String(),
    }
)
TOO_SHORT = "Chuỗi số liệu quá ngắn để kiểm định ngược; dự báo bằng mức cùng tháng các năm trước"
NOT_LEARNED = "Số liệu quá ít, không đổi hoặc thiếu quá nhiều nên mô hình không khớp được"
FAILED = "Mô hình gặp lỗi khi chạy ({error}) nên không được xét"


@dataclass(frozen=True)
class Rolled:
    """One candidate's forecasts from all origins: (origins, series, horizon, 99) in cases, or why there are none.

    own: (origins, series), which of them the candidate made itself; the others are climatology's.
    """

    quantiles: Floats | None
    note: str | None = None
    own: Flags | None = None


def backtest(
    features: pl.DataFrame,
    candidates: Mapping[str, Candidate] = CANDIDATES,
    count: int = ORIGINS,
    progress: Progress | None = None,
    pool: Executor | None = None,
) -> pl.DataFrame:
    """Backtest every candidate on every disease; rows by the contract models.backtests.

    features: `int_disease_province_month`. candidates: climatology must be one; in a process pool they must be
    functions of a module. count: rolling origins. progress: told the steps done and in all. pool: where the fits run,
    by default processes of this call's own. A candidate that fails is noted, never raised.
    """
    groups = panels(features)
    known = [rolling_origins(panel, count) for panel in groups]
    if not any(known):
        rolled: list[dict[str, Rolled]] = [{} for _ in groups]
    else:
        with nullcontext(pool) if pool else worker_pool() as workers:
            rolled = roll(groups, known, candidates, workers, progress)
    tables = [
        score(panel, months, by_model) if months else _too_short(panel, list(candidates))
        for panel, months, by_model in zip(groups, known, rolled, strict=True)
    ]
    return pl.concat([SCHEMA.to_frame(), *tables])


def rolling_origins(panel: Panel, count: int = ORIGINS) -> list[int]:
    """How many months are known at each origin, oldest first; the last one leaves HORIZON months to score."""
    last = len(panel.months) - HORIZON
    return [months for months in range(last - EVERY * (count - 1), last + 1, EVERY) if months >= FEWEST_MONTHS // 2]


def roll(
    groups: list[Panel],
    known: list[list[int]],
    candidates: Mapping[str, Candidate],
    pool: Executor,
    progress: Progress | None = None,
) -> list[dict[str, Rolled]]:
    """Forecast every panel from each of its origins (months known) by every candidate, refitted each time.

    The ensembles of the candidates come with them, without a fit of their own.
    """
    # the slowest first, so that no core waits for another at the end
    jobs: dict[Future[tuple[Floats, Flags]], tuple[int, str, int]] = {
        pool.submit(predict, candidate, panel.until(months), HORIZON): (number, name, months)
        for name, candidate in reversed(list(candidates.items()))
        for number, panel in enumerate(groups)
        for months in known[number]
    }
    answers: dict[tuple[int, str, int], tuple[Floats, Flags]] = {}
    failures: dict[tuple[int, str], str] = {}
    for done, job in enumerate(as_completed(jobs), 1):
        number, name, months = jobs[job]
        try:
            answers[number, name, months] = job.result()
        except Exception as error:  # whatever a library throws, the other candidates go on
            failures[number, name] = FAILED.format(error=type(error).__name__)
        if progress:
            progress(done, len(jobs))
    rolled = [
        {name: _collect(number, name, months, answers, failures) for name in candidates} if months else {}
        for number, months in enumerate(known)
    ]
    return [by_model | _ensembles(by_model) for by_model in rolled]


def _collect(
    number: int,
    name: str,
    known: list[int],
    answers: Mapping[tuple[int, str, int], tuple[Floats, Flags]],
    failures: Mapping[tuple[int, str], str],
) -> Rolled:
    if (number, name) in failures:
        return Rolled(None, failures[number, name])
    parts = [answers[number, name, months] for months in known]
    own = np.stack([own for _, own in parts])
    return Rolled(np.stack([quantiles for quantiles, _ in parts]), None if own.any() else NOT_LEARNED, own)


def _ensembles(by_model: Mapping[str, Rolled]) -> dict[str, Rolled]:
    """Of the members that did not fail, if there are at least two."""
    result: dict[str, Rolled] = {}
    for name, members in MEMBERS.items():
        parts = [by_model[member] for member in members if member in by_model]
        made = [(part.quantiles, part.own) for part in parts if part.quantiles is not None and part.own is not None]
        if len(made) > 1:
            origins = [combine([(quantiles[n], own[n]) for quantiles, own in made]) for n in range(len(made[0][0]))]
            own = np.stack([own for _, own in origins])
            note = None if own.any() else NOT_LEARNED
            result[name] = Rolled(np.stack([quantiles for quantiles, _ in origins]), note, own)
    return result


def score(panel: Panel, known: list[int], rolled: Mapping[str, Rolled]) -> pl.DataFrame:
    """Scores by candidate and horizon (0: all), by the contract models.backtests, with the champion marked."""
    truth = np.stack([panel.cases[:, months : months + HORIZON] for months in known])
    scale = np.stack([_yearly_change(panel.until(months)) for months in known])
    made = {name: one.quantiles for name, one in rolled.items() if one.quantiles is not None}
    losses = {name: crps(quantiles, truth) for name, quantiles in made.items()}
    champion = choose({name: _by_origin(loss) for name, loss in losses.items() if not np.isnan(loss).all()})
    rows: list[dict[str, object]] = []
    for name, one in rolled.items():
        for horizon in range(HORIZON + 1):
            steps = slice(None) if horizon == 0 else slice(horizon - 1, horizon)
            row: dict[str, object] = {"model": name, "horizon": horizon, "cells": 0, "note": one.note}
            if name in made:
                row |= _scores(made[name][:, :, steps], losses[name][:, :, steps], truth[:, :, steps], scale)
            if horizon == 0:
                row |= {f"chance_{rival}": champion.chance.get((name, rival)) for rival in BASELINES}
            row["champion"] = name == champion.model
            if name == champion.model and one.note is None:
                row["note"] = champion.note
            rows.append(row)
    known_part = {name: kind for name, kind in SCHEMA.items() if not name.startswith("skill")}
    frame = pl.DataFrame(rows, schema=known_part).with_columns(
        origin=pl.lit(panel.origin), disease_code=pl.lit(panel.disease), origins=pl.lit(len(known), pl.Int64())
    )
    for rival in BASELINES:
        base = frame.filter(pl.col("model") == rival).select("horizon", base="crps")
        frame = frame.join(base, on="horizon", how="left", maintain_order="left")
        skill = pl.when(pl.col("base") > 0).then(1 - pl.col("crps") / pl.col("base"))
        frame = frame.with_columns(skill.alias(f"skill_{rival}")).drop("base")
    return frame.select(SCHEMA.names())


def _by_origin(loss: Floats) -> Floats:
    """Mean loss of each origin out of (origins, series, horizon), NaN where nothing was scored."""
    seen = ~np.isnan(loss)
    count = seen.sum(axis=(1, 2))
    return np.where(count > 0, np.where(seen, loss, 0).sum(axis=(1, 2)) / np.maximum(count, 1), np.nan)


def _yearly_change(panel: Panel) -> Floats:
    """Mean absolute change of each series from a year before, the scale of MASE; NaN where unknown or zero."""
    change = np.abs(panel.cases[:, SEASON:] - panel.cases[:, :-SEASON])
    seen = ~np.isnan(change)
    total = np.where(seen, change, 0).sum(axis=1)
    return np.where(total > 0, total / np.maximum(seen.sum(axis=1), 1), np.nan)


def _scores(quantiles: Floats, loss: Floats, truth: Floats, scale: Floats) -> dict[str, object]:
    """Cells are scored where the outcome was reported and the series had a past.

    The mean pinball loss is half the CRPS. MASE is of the series that ever changed from year to year.
    """
    seen = ~np.isnan(loss)
    if not seen.any():
        return {}
    made, came = quantiles[seen], truth[seen]

    def coverage(low: float, high: float) -> float:  # of whole numbers: an interval from 2.4 to 5.1 means 2 to 6
        return float(((came >= np.floor(at(made, low))) & (came <= np.ceil(at(made, high)))).mean())

    scaled = np.abs(came - at(made, 0.5)) / np.broadcast_to(scale[:, :, None], truth.shape)[seen]
    meant = scaled[~np.isnan(scaled)]
    return {
        "cells": len(came),
        "crps": float(loss[seen].mean()),
        "mase": float(meant.mean()) if len(meant) else None,
        "coverage_50": coverage(0.25, 0.75),
        "coverage_80": coverage(0.1, 0.9),
    }


def _too_short(panel: Panel, names: list[str]) -> pl.DataFrame:
    rows = [
        {"origin": panel.origin, "disease_code": panel.disease, "model": name, "horizon": horizon, "note": TOO_SHORT}
        | {"origins": 0, "cells": 0, "champion": name == BASELINE}
        for name in names
        for horizon in range(HORIZON + 1)
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def failures(backtests: pl.DataFrame) -> dict[str, str]:
    """Of the candidates that failed in any group: name -> what happened."""
    began = FAILED.partition("{")[0]
    failed = backtests.filter((pl.col("horizon") == 0) & pl.col("note").str.starts_with(began).fill_null(False))
    return dict(failed.select("model", "note").unique("model").iter_rows())


def score_table(backtests: pl.DataFrame) -> pl.DataFrame:
    """The overall scores, best first within each disease and origin: what a person compares."""
    columns = [
        "disease_code",
        "origin",
        "model",
        "crps",
        "skill_climatology",
        "skill_seasonal_naive",
        "coverage_80",
        "mase",
    ]
    return (
        backtests.filter(pl.col("horizon") == 0)
        .sort("disease_code", "origin", "crps", "model", nulls_last=True)
        .select(*columns, "origins", "cells", "champion", "note")
    )
