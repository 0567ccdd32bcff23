"""Backtested champions of 1,488 weekly series (124 communes × 12 diseases) beside plain Prophet without a backtest.

Full: every candidate from twelve origins, champions, four weeks forecast. Next week: the same after one more week, of
the kind that makes a new origin. Correction: an old count of one commune changed. Prophet: one fit and one forecast of
each series with its own defaults, in two processes.

Run: python -m benchmarks.weekly_champions [--prophet 1488]
"""

import argparse
import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import TypeVar

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.warning_scores import simulate
from models_ml.panel import Floats
from models_ml.weekly import HORIZON, Groups, crps
from models_ml.weekly_backtests import backtest, forecast
from models_ml.workers import worker_pool

WEEKS = 156
SEEDS = (1, 2, 3)  # four diseases each
FIRST = date(2023, 11, 27)
T = TypeVar("T")


def series() -> tuple[Floats, Groups, Floats]:
    """Counts (series, WEEKS + 1) and groups, and what comes after the first WEEKS (series, HORIZON)."""
    tables, groups = [], []
    for number, seed in enumerate(SEEDS):
        wide = simulate(seed).pivot("week_start", index=["disease_code", "commune_code"], values="cases").sort(
            "disease_code", "commune_code"
        )  # fmt: skip
        groups.append(wide["disease_code"].rank("dense").to_numpy().astype(np.int64) - 1 + 4 * number)
        tables.append(wide.select(pl.exclude("disease_code", "commune_code").cast(pl.Float64)).to_numpy())
    counts = np.concatenate(tables)[:, -WEEKS - HORIZON :]
    return counts[:, : WEEKS + 1], np.concatenate(groups), counts[:, WEEKS:]


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """What it gives, wall seconds and processor seconds."""
    wall, used = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - used


def one_prophet(counts: Floats) -> tuple[float, Floats]:
    """Processor seconds of a fit and forecast, and the median forecast of HORIZON weeks."""
    from prophet import Prophet

    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).setLevel(logging.ERROR)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    days = pd.date_range(FIRST, periods=len(counts), freq="7D")
    model = Prophet()
    model.fit(pd.DataFrame({"ds": days, "y": counts}))
    told = model.predict(model.make_future_dataframe(HORIZON, freq="7D", include_history=False))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_utime + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    return after - before, told["yhat"].to_numpy()


def main() -> int:
    """Print the table; 1 if the full run is not faster than Prophet or the next week takes over a fifth of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prophet", type=int, default=len(SEEDS) * 4 * 124, help="series that Prophet forecasts")
    asked = parser.parse_args()
    counts, groups, came = series()
    known = counts[:, :WEEKS]
    first_week = HORIZON - (WEEKS + 1 - HORIZON) % HORIZON  # so that the next week makes an origin
    print(f"{len(counts):,} series, {WEEKS} weeks from {FIRST} to {FIRST + timedelta(weeks=WEEKS)}", flush=True)

    def full() -> tuple[object, Floats]:
        found = backtest(known, groups, first_week=first_week)
        return found, forecast(known, groups, found.champions)

    (found, told), seconds, used = timed(full)
    print(f"full: {seconds:.1f} s ({used:.1f} s of a processor), {found.computed} groups × origins")
    for name, loss in zip(found.names, found.losses.mean(axis=(1, 2)), strict=True):
        print(f"  {name:<16} mean CRPS {loss:.4f}, champion of {found.champions.count(name):,} series")
    print(f"  champions' CRPS of the {HORIZON} weeks that came: {crps(told, came).mean():.4f}")

    def next_week() -> tuple[object, Floats]:
        again = backtest(counts, groups, found.kept, first_week=first_week)
        return again, forecast(counts, groups, again.champions)

    (again, _), later, later_used = timed(next_week)
    print(
        f"next week: {later:.1f} s ({later_used:.1f} s of a processor), {again.computed} groups × origins: "
        f"{100 * later_used / used:.0f} % of the full run"
    )
    mended = counts.copy()
    mended[5, 130] += 1
    corrected, _, _ = timed(lambda: backtest(mended, groups, again.kept, first_week=first_week))
    print(f"correction of one count: {corrected.computed} of {len(set(groups.tolist())) * 12} groups × origins")
    print(
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most, the program included", flush=True
    )

    started = time.perf_counter()
    spent, errors = 0.0, []
    with worker_pool(2) as pool:
        for number, (one, median) in enumerate(pool.map(one_prophet, known[: asked.prophet], chunksize=8), 1):
            spent += one
            errors.append(np.abs(median - came[number - 1]).mean())
            if number % 100 == 0:
                print(f"{number} of {asked.prophet} by Prophet, {time.perf_counter() - started:.0f} s", file=sys.stderr)
    wall = time.perf_counter() - started
    print(f"Prophet: {wall:.0f} s in two processes ({spent:.0f} s of a processor) for {asked.prophet:,} series")
    if asked.prophet < len(known):
        wall, spent = (value * len(known) / asked.prophet for value in (wall, spent))
        print(f"  extrapolated to all: {wall:.0f} s ({spent:.0f} s of a processor)")
    middle = told[: asked.prophet, :, told.shape[2] // 2]
    ours = np.abs(middle - came[: asked.prophet]).mean()
    print(f"  mean absolute error of its forecast {np.mean(errors):.4f}, of the champions' median {ours:.4f}")
    print(
        f"Prophet takes {wall / seconds:.0f} times the seconds and {spent / used:.0f} times the processor seconds "
        f"of all backtests and champions (load of the machine {os.getloadavg()[0]:.0f})"
    )
    return 0 if seconds < wall and later_used <= 0.2 * used else 1


if __name__ == "__main__":
    sys.exit(main())
