"""Truths that are planted at fixed times of every year, so that they do not depend on when the world was generated."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from simulator.arrivals import months_between


def plan_episodes(
    units: pl.DataFrame, start: date, end: date, seed: list[int], every_months: int, days: int
) -> pl.DataFrame:
    """One episode every so many months (a divisor of 12), each in a commune of its own.

    Columns: episode, unit (row of units), commune_code, from_day, to_day (the first one after it), draw (0 to 1).
    Those that begin in [start, end).
    """
    rows = []
    for month in months_between(date(start.year - 1, 1, 1), end):
        if (month.month - 1) % every_months:
            continue
        rng = np.random.default_rng([*seed, month.year, month.month])
        first = month + timedelta(days=int(rng.integers(12, 36)))
        unit = int(rng.integers(0, len(units)))
        last = first + timedelta(days=days)
        if start <= first < end:
            rows.append((f"{first:%Y-%m}", unit, units["code"][unit], first, last, float(rng.random())))
    schema = {"episode": pl.String, "unit": pl.Int64, "commune_code": pl.String, "from_day": pl.Date,
              "to_day": pl.Date, "draw": pl.Float64}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def touching(episodes: pl.DataFrame, month: date) -> pl.DataFrame:
    """The episodes that begin in the month."""
    return episodes.filter(pl.col("from_day").dt.truncate("1mo") == month)
