"""The settled past of the series of the registry, item by item, at every level that is told."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from models_ml.panel import Floats
from models_ml.series_registry import DaySeries, Level, MonthSeries, WeekSeries

GeneralSeries = DaySeries | WeekSeries | MonthSeries
STEPS = {"day": "1d", "week": "1w", "month": "1mo"}  # of a frequency, as polars writes them
COUNTRY = "VN"


class Item(NamedTuple):
    """One item's past: values (units, periods) as the source has them, NaN where not known.

    above: by higher level, the unit that each of the units is a part of. weather: unit_code, period and the covariates;
    without columns where there are none.
    """

    name: str
    periods: list[date]
    units: list[str]
    above: dict[str, list[str]]
    values: Floats
    weather: pl.DataFrame


class Known(NamedTuple):
    """What is known of one level: values (units, periods), NaN where a part's is not known."""

    level: Level
    units: list[str]
    values: Floats


def levels(series: GeneralSeries, item: Item) -> list[Known]:
    """Each level that is told, the lowest first. One province alone is no country."""
    found = []
    for level in series.hierarchy:
        if level == series.lowest:
            found.append(Known(level, item.units, item.values))
        elif level != "country" or len(set(item.above.get("province", item.units))) > 1:
            names, number = np.unique(item.above[level], return_inverse=True)
            sums = np.zeros((len(names), item.values.shape[1]))
            np.add.at(sums, number, item.values)
            found.append(Known(level, names.tolist(), sums))
    return found


def level_of(unit: pl.Expr) -> pl.Expr:
    """The level that a unit's code tells: 24748, 68-672, 68 or VN."""
    length = unit.str.len_chars()
    lower = pl.when(length == 5).then(pl.lit("commune")).when(length == 6).then(pl.lit("cluster"))
    return lower.when(unit == COUNTRY).then(pl.lit("country")).otherwise(pl.lit("province"))


def parents(communes: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Level → unit → the unit of that level which it is a part of. communes: as of `items`."""
    above = {"province": dict(communes.select("unit_code", "province_code").iter_rows())}
    if "cluster_code" in communes.columns:
        above["cluster"] = dict(communes.select("unit_code", "cluster_code").iter_rows())
        above["province"] |= dict(communes.select("cluster_code", "province_code").iter_rows())
    return above


def items(series: GeneralSeries, past: pl.DataFrame, communes: pl.DataFrame, today: date) -> list[Item]:
    """The settled past of each item of which a level is told, without gaps in time.

    Weeks, and what is counted by rows, are 0 without a row; the first period of the register is left out: it begins in
    its middle. communes: unit_code and province_code of those that report, cluster_code where clusters are told.
    """
    ours = past.filter(level_of(pl.col("unit_code")) == series.lowest, pl.col("period").is_not_null())
    of_communes = series.lowest == "commune"
    if of_communes:
        ours = ours.join(communes.select("unit_code"), on="unit_code", how="semi")
    if isinstance(series, MonthSeries) and series.transformation == "increments":
        ours = _increments(ours)
    settled = today - timedelta(days=series.settles_after_days)
    step = STEPS[series.frequency]
    ours = ours.filter(pl.col("period").dt.offset_by(step) <= settled, pl.col("value").is_not_null())
    if ours["period"].n_unique() < 3:
        return []
    counted = series.frequency == "week" or series.source.value is None
    reported = ours["period"].unique().sort()
    every = reported.to_frame().upsample("period", every=step)[int(counted) :]
    units = (communes if of_communes else ours)["unit_code"].unique().sort().to_list()
    part_of = parents(communes)
    found = []
    for (name,), rows in sorted(ours.partition_by("item", as_dict=True).items()):
        told = units if counted else rows["unit_code"].unique().sort().to_list()
        wide = rows.pivot("unit_code", index="period", values="value", aggregate_function="first").join(
            every, on="period", how="right", maintain_order="right"
        )
        columns = [pl.col(unit) if unit in wide.columns else pl.lit(None).alias(unit) for unit in told]
        values = wide.select(columns).select(pl.all().cast(pl.Float64)).to_numpy().T
        if counted:
            values = np.nan_to_num(values)
        weather = rows.select("unit_code", "period", *series.covariates) if series.covariates else pl.DataFrame()
        above = {level: [of[unit] for unit in told] for level, of in part_of.items()} if of_communes else {}
        above["country"] = [COUNTRY] * len(told)
        values = np.ascontiguousarray(values, dtype=np.float64)
        found.append(Item(str(name), every["period"].to_list(), told, above, values, weather))
    return [item for item in found if levels(series, item)]


def rows_of(
    item: Item,
    units: Sequence[str],
    step: timedelta,
    models: Sequence[str],
    notes: Sequence[str | None],
    values: Mapping[str, Floats],
    origins: int,
) -> pl.DataFrame:
    """What is told of one level of one item, by the columns of series_forecasts.SCHEMA that are not of all its items.

    step: between periods. models, notes: of each unit. values: by column (units, horizon), NaN where not known.
    """
    horizon = next(iter(values.values())).shape[1]
    origin = item.periods[-1]
    return pl.DataFrame(
        {
            "item": item.name,
            "unit_code": np.repeat(units, horizon),
            "origin": origin,
            "period_start": [origin + number * step for number in range(1, horizon + 1)] * len(units),
            "horizon": np.tile(np.arange(1, horizon + 1, dtype=np.int64), len(units)),
            "model": np.repeat(models, horizon),
            **{name: pl.Series(value.ravel()).fill_nan(None) for name, value in values.items()},
            "origins": pl.repeat(origins, len(units) * horizon, eager=True, dtype=pl.Int64),
            "training_from": item.periods[0],
            "note": pl.Series([note for note in notes for _ in range(horizon)], dtype=pl.String()),
        }
    )


def _increments(rows: pl.DataFrame) -> pl.DataFrame:
    """What each month added to the sum since the year's beginning, if the month before is known."""
    year, before = [pl.col("period").dt.year(), "unit_code", "item"], pl.col("value").shift(1)
    next_to = pl.col("period").shift(1).dt.offset_by("1mo") == pl.col("period")
    change = (
        pl.when(pl.col("period").dt.month() == 1)
        .then(pl.col("value"))
        .otherwise(pl.when(next_to).then(pl.col("value") - before))
    )
    return rows.sort("period").with_columns(value=change.over(year))
