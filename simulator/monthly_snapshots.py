"""What monthly snapshots of the communes have in common: their first columns, when they come, what is wrong in them."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator import office_calendar as calendar

NO_DAY = bad.Mistake("format", "ngayChot", pl.concat_str(pl.col("ngayChot").str.head(5), pl.lit("13-45")))
_TWO_YEARS_AGO = pl.concat_str((pl.col("kyBaoCao").str.head(4).cast(pl.Int64) - 2).cast(pl.String), pl.lit("-06-30"))
STALE = bad.Mistake("stale", "ngayChot", _TWO_YEARS_AGO)


def head(units: pl.DataFrame, unit: np.ndarray, month: date) -> dict[str, object]:
    """Month, closing day and commune of each row. unit: rows of units."""
    return {
        "kyBaoCao": np.full(len(unit), f"{month:%Y-%m}"),
        "ngayChot": np.full(len(unit), last_day(month).isoformat()),
        "maXa": units["code"].gather(unit),
        "tenXa": units["name"].gather(unit),
        "_period": pl.Series([month]).gather(np.zeros(len(unit), dtype=np.int64)),
    }


def last_day(month: date) -> date:
    """The day whose end a month's snapshot is of."""
    return (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def published(rng: np.random.Generator, communes: int, month: date, seed: int) -> np.ndarray:
    """When each commune's snapshot comes: on the second working day of the next month, a few communes' often later."""
    careless = np.random.default_rng([seed, 72]).random(communes) < 0.08
    late = np.where(careless & (rng.random(communes) < 0.6), rng.integers(3, 10, communes), 0)
    first = np.datetime64(month, "M") + 1
    days = calendar.add_working_days(np.full(communes, first.astype("datetime64[D]")), late + 1)
    return calendar.at(days, calendar.office_seconds(rng, communes)).astype("datetime64[us]")
