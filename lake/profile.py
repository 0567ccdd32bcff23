"""What a load as a whole looks like beside the loads before it: one row a load, judged by `quality`."""

from dataclasses import dataclass
from datetime import date, timedelta

import holidays
import polars as pl

from lake.contract import Contract

USUAL_LOADS = 8  # how many former loads tell what is usual
FEWEST_LOADS = 5  # fewer say nothing
QUIET_DAYS = 2  # around public holidays offices are half empty


@dataclass(frozen=True)
class Judged:
    """What is counted of one load before its verdict. means: of the columns whose mean the contract bounds."""

    load_id: str
    day: date
    accepted: int
    quarantined: int
    complete: bool  # see windows.is_complete: only then few rows mean anything
    units_reporting: int | None
    newest_event: str | None
    means: dict[str, float | None]


def count(contract: Contract, load_id: str, day: date, accepted: pl.DataFrame, refused: int, complete: bool) -> Judged:
    """What is counted of a load. accepted: its rows. refused: how many were quarantined."""
    means = {name: accepted[name].cast(pl.Float64).mean() for name in contract.load.means}
    newest = accepted[contract.event_time].max() if contract.event_time and len(accepted) else None
    units = accepted[contract.unit_column].n_unique() if contract.unit_column else None
    told = None if newest is None else str(newest)
    return Judged(load_id, day, len(accepted), refused, complete, units, told, means)  # type: ignore[arg-type]


def profile(contract: Contract, loads: list[Judged], history: pl.DataFrame) -> pl.DataFrame:
    """One row a load.

    history: `day`, `received` (Int64) and `units` (Int64, null where unknown) of the dataset's standing loads.
    Columns: load_id, day, received, accepted, quarantined, quarantined_share, complete, usual_received,
    volume_ratio, units_reporting, usual_units, coverage, newest_event, and mean_<column> for the columns whose mean the
    contract bounds. What is usual comes from former loads of the same weekday (any day where the partition is
    no day) and from earlier loads of the same run; null when there are fewer than five.
    """
    rows = [
        {
            "load_id": load.load_id,
            "day": load.day,
            "received": load.accepted + load.quarantined,
            "accepted": load.accepted,
            "quarantined": load.quarantined,
            "complete": load.complete,
            "units_reporting": load.units_reporting,
            "newest_event": load.newest_event,
            **{f"mean_{name}": mean for name, mean in load.means.items()},
        }
        for load in loads
    ]
    schema = {
        "load_id": pl.String(),
        "day": pl.Date(),
        "received": pl.Int64(),
        "accepted": pl.Int64(),
        "quarantined": pl.Int64(),
        "complete": pl.Boolean(),
        "units_reporting": pl.Int64(),
        "newest_event": pl.String(),
        **{f"mean_{name}": pl.Float64() for name in contract.load.means},
    }
    frame = pl.DataFrame(rows, schema=schema).with_columns(
        quarantined_share=pl.when(pl.col("received") >= contract.load.share_floor).then(
            pl.col("quarantined") / pl.col("received")
        ),
        busy=pl.col("complete") & ~_quiet(contract, [load.day for load in loads]),
    )
    return (
        frame.join(_usual(contract, frame, history), on="load_id", how="left")
        .with_columns(
            volume_ratio=pl.when(pl.col("usual_received") >= contract.load.volume_floor).then(
                pl.col("received") / pl.col("usual_received")
            ),
            coverage=pl.when(pl.col("usual_units") > 0, "busy").then(pl.col("units_reporting") / pl.col("usual_units")),
        )
        # what is not over, or falls on a quiet day, may be small
        .with_columns(volume_ratio=pl.when(pl.col("busy") | (pl.col("volume_ratio") > 1)).then("volume_ratio"))
        .drop("busy")
        .sort("load_id")
    )


def _quiet(contract: Contract, days: list[date]) -> pl.Series:
    """Which daily partitions fall on weekends, public holidays or the days around them."""
    if contract.partition != "daily" or not days:
        return pl.repeat(False, len(days), eager=True)
    years = range(min(days).year - 1, max(days).year + 2)
    off = holidays.country_holidays("VN", years=years)
    around = [day + timedelta(days=n) for day in off for n in range(-QUIET_DAYS, QUIET_DAYS + 1)]
    asked = pl.Series(days, dtype=pl.Date())
    return (asked.dt.weekday() > 5) | asked.is_in(around)


def _usual(contract: Contract, frame: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Median size and number of reporting units of the loads before each load."""
    season = pl.col("day").dt.weekday() if contract.partition == "daily" else pl.lit(0, pl.Int8())
    known = pl.concat(
        [
            history.select(
                "day", "received", pl.col("units").alias("units_reporting"), load_id=pl.lit(None, pl.String())
            ),
            frame.select("day", "received", "units_reporting", "load_id"),
        ]
    ).with_columns(season=season)
    # one figure a day: a window read again must not count twice
    days = known.sort("load_id", nulls_last=False, maintain_order=True).group_by("day", "season").last().sort("day")
    usual = days.with_columns(
        usual_received=pl.col("received")
        .cast(pl.Float64)
        .shift(1)
        .rolling_median(USUAL_LOADS, min_samples=FEWEST_LOADS)
        .over("season"),
        usual_units=pl.col("units_reporting")
        .cast(pl.Float64)
        .shift(1)
        .rolling_median(USUAL_LOADS, min_samples=FEWEST_LOADS)
        .over("season"),
    )
    return (
        frame.select("load_id", "day").join(usual.select("day", "usual_received", "usual_units"), on="day").drop("day")
    )
