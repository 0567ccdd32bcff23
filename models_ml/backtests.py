"""Rolling-origin backtests: every candidate refitted at every origin, scored on what came after, and a champion."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, as_completed
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import polars as pl

from models_ml.candidates import BASELINE, CANDIDATES, FEWEST_MONTHS, Candidate, predict
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
        "coverage_50": pl.Float64(),
        "coverage_80": pl.Float64(),
        "skill_climatology": pl.Float64(),
        "skill_seasonal_naive": pl.Float64(),
        "origins": pl.Int64(),
        "cells": pl.Int64(),
        "champion": pl.Boolean(),
        "note": pl.String(),
    }
)
NOTHING_BETTER = "Không mô hình nào tốt hơn mức cùng tháng các năm trước nên mức đó được dùng để dự báo"
TOO_SHORT = "Chuỗi số liệu quá ngắn để kiểm định ngược; dự báo bằng mức cùng tháng các năm trước"
NOT_LEARNED = "Chuỗi số liệu quá ngắn, không đổi hoặc thiếu quá nhiều nên mô hình không khớp được"
FAILED = "Mô hình gặp lỗi khi chạy ({error}) nên không được xét"


@dataclass(frozen=True)
class Rolled:
    """One candidate's forecasts from all origins: (origins, series, horizon, 99) in cases, or why there are none."""

    quantiles: Floats | None
    note: str | None = None


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
    """Forecast every panel from each of its origins (months known) by every candidate, refitted each time."""
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
    return [
        {name: _collect(number, name, months, answers, failures) for name in candidates} if months else {}
        for number, months in enumerate(known)
    ]


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
    learned = any(own.any() for _, own in parts)
    return Rolled(np.stack([quantiles for quantiles, _ in parts]), None if learned else NOT_LEARNED)


def score(panel: Panel, known: list[int], rolled: Mapping[str, Rolled]) -> pl.DataFrame:
    """Scores by candidate and horizon (0: all), by the contract models.backtests, with the champion marked."""
    truth = np.stack([panel.cases[:, months : months + HORIZON] for months in known])
    rows: list[dict[str, object]] = []
    for name, one in rolled.items():
        for horizon in range(HORIZON + 1):
            steps = slice(None) if horizon == 0 else slice(horizon - 1, horizon)
            row: dict[str, object] = {"model": name, "horizon": horizon, "cells": 0, "note": one.note}
            if one.quantiles is not None:
                row |= _scores(one.quantiles[:, :, steps], truth[:, :, steps])
            rows.append(row)
    known_part = {name: kind for name, kind in SCHEMA.items() if not name.startswith("skill")}
    frame = pl.DataFrame(rows, schema=known_part).with_columns(
        origin=pl.lit(panel.origin), disease_code=pl.lit(panel.disease), origins=pl.lit(len(known), pl.Int64())
    )
    for rival in (BASELINE, "seasonal_naive"):
        base = frame.filter(pl.col("model") == rival).select("horizon", base="crps")
        frame = frame.join(base, on="horizon", how="left", maintain_order="left")
        skill = pl.when(pl.col("base") > 0).then(1 - pl.col("crps") / pl.col("base"))
        frame = frame.with_columns(skill.alias(f"skill_{rival}")).drop("base")
    return _with_champion(frame).select(SCHEMA.names())


def _scores(quantiles: Floats, truth: Floats) -> dict[str, object]:
    """Cells are scored where the outcome was reported and the series had a past."""
    seen = ~np.isnan(truth) & ~np.isnan(quantiles[..., 0])
    if not seen.any():
        return {}
    made, came = quantiles[seen], truth[seen]

    def coverage(low: float, high: float) -> float:  # of whole numbers: an interval from 2.4 to 5.1 means 2 to 6
        return float(((came >= np.floor(at(made, low))) & (came <= np.ceil(at(made, high)))).mean())

    return {
        "cells": len(came),
        "crps": float(crps(made, came).mean()),
        "coverage_50": coverage(0.25, 0.75),
        "coverage_80": coverage(0.1, 0.9),
    }


def _with_champion(frame: pl.DataFrame) -> pl.DataFrame:
    """Mark the champion: the least CRPS over all horizons if it is less than climatology's, else climatology."""
    overall = frame.filter((pl.col("horizon") == 0) & pl.col("crps").is_not_null())
    usual = overall.filter(pl.col("model") == BASELINE)["crps"]
    better = overall.filter(pl.col("crps") < usual[0]) if len(usual) else overall.clear()
    best = better.sort("crps", "model")["model"][0] if len(better) else BASELINE
    champion = pl.col("model") == best
    replaced = champion & pl.lit(best == BASELINE) & pl.col("note").is_null()
    return frame.with_columns(champion=champion, note=pl.when(replaced).then(pl.lit(NOTHING_BETTER)).otherwise("note"))


def _too_short(panel: Panel, names: list[str]) -> pl.DataFrame:
    rows = [
        {"origin": panel.origin, "disease_code": panel.disease, "model": name, "horizon": horizon, "note": TOO_SHORT}
        | {"origins": 0, "cells": 0, "champion": name == BASELINE}
        for name in names
        for horizon in range(HORIZON + 1)
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


def score_table(backtests: pl.DataFrame) -> pl.DataFrame:
    """The overall scores, best first within each disease and origin: what a person compares."""
    columns = ["disease_code", "origin", "model", "crps", "skill_climatology", "skill_seasonal_naive", "coverage_80"]
    return (
        backtests.filter(pl.col("horizon") == 0)
        .sort("disease_code", "origin", "crps", "model", nulls_last=True)
        .select(*columns, "origins", "cells", "champion", "note")
    )
