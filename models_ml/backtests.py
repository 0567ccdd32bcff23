"""Rolling-origin backtests: every candidate refitted at every origin, scored on what came after."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import polars as pl

from models_ml.candidates import CANDIDATES, FEWEST_MONTHS, Candidate
from models_ml.panel import Panel, at, crps, panels

HORIZON = 3
ORIGINS = 8
EVERY = 3  # months between origins
BASELINE = "climatology"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Scored:
    """One candidate's forecasts of all origins: (origins, series, horizon, 99), or why there are none."""

    quantiles: np.ndarray | None
    note: str | None = None


def origins(panel: Panel, count: int = ORIGINS) -> list[int]:
    """How many months are known at each rolling origin, oldest first; the last one leaves HORIZON months to score."""
    last = len(panel.months) - HORIZON
    return [known for known in range(last - EVERY * (count - 1), last + 1, EVERY) if known >= FEWEST_MONTHS // 2]


def run_candidates(
    panel: Panel, known: list[int], candidates: Mapping[str, Candidate], pool: Executor, tick: Callable[[], None]
) -> dict[str, Scored]:
    """Forecast from every origin with every candidate; one that fails is left out with a note."""
    jobs: dict[Future[np.ndarray], tuple[str, int]] = {
        pool.submit(candidate, panel.until(months), HORIZON): (name, number)
        for name, candidate in candidates.items()
        for number, months in enumerate(known)
    }
    found: dict[str, dict[int, np.ndarray]] = {name: {} for name in candidates}
    notes: dict[str, str] = {}
    for job in as_completed(jobs):
        name, number = jobs[job]
        try:
            found[name][number] = job.result()
        except Exception as error:  # whatever a library throws, the other candidates go on
            notes[name] = f"Mô hình không chạy được ({type(error).__name__}) nên không được xét"
        tick()
    return {
        name: Scored(None, notes[name]) if name in notes else Scored(np.stack([parts[n] for n in sorted(parts)]))
        for name, parts in found.items()
    }


def score(panel: Panel, known: list[int], scored: Mapping[str, Scored]) -> pl.DataFrame:
    """Scores by candidate and horizon (0: all), by the contract models.backtests, with the champion."""
    outcomes = np.stack([panel.cases[:, months : months + HORIZON] for months in known])
    rows = []
    for name, one in scored.items():
        for horizon in range(HORIZON + 1):
            steps = slice(None) if horizon == 0 else slice(horizon - 1, horizon)
            row = {"model": name, "horizon": horizon, "note": one.note, "origins": len(known)}
            if one.quantiles is not None:
                part, truth = one.quantiles[:, :, steps], outcomes[:, :, steps]
                seen = ~np.isnan(truth)
                row["cells"] = int(seen.sum())
                if seen.any():
                    row["crps"] = float(crps(part, truth)[seen].mean())
                    row["coverage_50"] = _coverage(part, truth, seen, 0.25, 0.75)
                    row["coverage_80"] = _coverage(part, truth, seen, 0.10, 0.90)
            rows.append(row)
    frame = pl.DataFrame(
        rows,
        schema={
            "model": pl.String(),
            "horizon": pl.Int64(),
            "note": pl.String(),
            "origins": pl.Int64(),
            "cells": pl.Int64(),
            "crps": pl.Float64(),
            "coverage_50": pl.Float64(),
            "coverage_80": pl.Float64(),
        },
    ).with_columns(pl.col("cells").fill_null(0))
    for baseline in (BASELINE, "seasonal_naive"):
        base = frame.filter(pl.col("model") == baseline).select("horizon", pl.col("crps").alias("base"))
        frame = frame.join(base, on="horizon", how="left", maintain_order="left")
        skill = pl.when(pl.col("base") > 0).then(1 - pl.col("crps") / pl.col("base"))
        frame = frame.with_columns(skill.alias(f"skill_{baseline}")).drop("base")
    return _with_champion(frame).with_columns(origin=pl.lit(panel.origin), disease_code=pl.lit(panel.disease))


def _coverage(part: np.ndarray, truth: np.ndarray, seen: np.ndarray, low: float, high: float) -> float:
    inside = (truth >= np.floor(at(part, low))) & (truth <= np.ceil(at(part, high)))
    return float(inside[seen].mean())


def _with_champion(frame: pl.DataFrame) -> pl.DataFrame:
    """Mark the champion: the least CRPS over all horizons, or climatology if nothing beats it."""
    overall = frame.filter((pl.col("horizon") == 0) & pl.col("crps").is_not_null()).sort("crps")
    best = overall["model"][0] if len(overall) else BASELINE
    beaten = len(overall) == 0 or best == BASELINE
    note = "Chưa có mô hình nào tốt hơn khí hậu trung bình: hiển thị khí hậu trung bình"
    champion = pl.col("model") == (BASELINE if beaten else best)
    told = pl.when(champion & pl.lit(beaten)).then(pl.lit(note)).otherwise("note")
    return frame.with_columns(champion=champion, note=told)


def backtest(
    features: pl.DataFrame,
    candidates: Mapping[str, Candidate] = CANDIDATES,
    count: int = ORIGINS,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Backtest every candidate on every disease; rows by the contract models.backtests.

    features: `int_disease_province_month`. progress: told the steps done and in all.
    """
    groups = panels(features)
    steps = sum(len(origins(panel, count)) for panel in groups) * len(candidates)
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, steps)

    columns = list(_columns())
    tables = [pl.DataFrame(schema=_columns())]
    with worker_pool() as pool:
        for panel in groups:
            known = origins(panel, count)
            if known:
                table = score(panel, known, run_candidates(panel, known, candidates, pool, tick))
            else:
                table = _too_short(panel, candidates)
            tables.append(table.select(columns).cast(_columns()))  # type: ignore[arg-type]
    return pl.concat(tables)


def _too_short(panel: Panel, candidates: Mapping[str, Candidate]) -> pl.DataFrame:
    note = "Chuỗi số liệu quá ngắn để kiểm định ngược: hiển thị khí hậu trung bình"
    return pl.DataFrame(
        {
            "origin": panel.origin,
            "disease_code": panel.disease,
            "model": list(candidates),
            "horizon": 0,
            "origins": 0,
            "cells": 0,
            "champion": [name == BASELINE for name in candidates],
            "note": note,
        }
    ).with_columns(pl.lit(None, pl.Float64()).alias(name) for name in _columns() if name.startswith(("crps", "cov", "sk")))


def _columns() -> dict[str, pl.DataType]:
    number = pl.Float64()
    return {
        "origin": pl.Date(),
        "disease_code": pl.String(),
        "model": pl.String(),
        "horizon": pl.Int64(),
        "crps": number,
        "coverage_50": number,
        "coverage_80": number,
        "skill_climatology": number,
        "skill_seasonal_naive": number,
        "origins": pl.Int64(),
        "cells": pl.Int64(),
        "champion": pl.Boolean(),
        "note": pl.String(),
    }


def worker_pool() -> ProcessPoolExecutor:
    """Processes that import no more than they need; the fits are independent."""
    return ProcessPoolExecutor(max_workers=os.cpu_count() or 1, mp_context=get_context("spawn"))


def score_table(backtests: pl.DataFrame) -> pl.DataFrame:
    """The overall scores, best first within each disease and origin: what a person compares."""
    columns = ["disease_code", "origin", "model", "crps", "skill_climatology", "skill_seasonal_naive", "coverage_80"]
    return (
        backtests.filter(pl.col("horizon") == 0)
        .sort("disease_code", "origin", "crps", nulls_last=True)
        .select(*columns, "origins", "cells", "champion", "note")
    )
