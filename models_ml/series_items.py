"""The settled past of the series of the registry, item by item, at every level that is told."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from models_ml.panel import Floats
from models_ml.series_registry import DaySeries, MonthSeries, WeekSeries

GeneralSeries = DaySeries | WeekSeries | MonthSeries
STEPS = {"day": "1d", "week": "1w", "month": "1mo"}  # of a frequency, as polars writes them


class Item(NamedTuple):
    """One item's past: values (units, periods) as the source has them, NaN where not known; the units' provinces.

    weather: unit_code, period and the covariates; without columns where there are none.
    """

    name: str
    periods: list[date]
    units: list[str]
    provinces: list[str]
    values: Floats
    weather: pl.DataFrame


def levels(series: GeneralSeries, item: Item) -> list[tuple[list[str], Floats]]:
    """Units and values of each level, the lowest first; a province is the sum of its communes, NaN where one is."""
    return [_level(item, series.lowest, level) for level in series.hierarchy]


def _level(item: Item, lowest: str, level: str) -> tuple[list[str], Floats]:
    if level == lowest:
        return item.units, item.values
    names = sorted(set(item.provinces))
    member = np.array([[province == name for province in item.provinces] for name in names])
    return names, np.stack([item.values[own].sum(axis=0) for own in member])


def items(series: GeneralSeries, past: pl.DataFrame, communes: pl.DataFrame, today: date) -> list[Item]:
    """The settled past of each item, without gaps in time; weeks, and what is counted by rows, are 0 without a row.

    The first period of the register is left out: it begins in its middle.
    """
    length = 5 if series.lowest == "commune" else 2
    ours = past.filter(pl.col("unit_code").str.len_chars() == length, pl.col("period").is_not_null())
    if length == 5:
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
    units = (communes if length == 5 else ours)["unit_code"].unique().sort().to_list()
    provinces = dict(communes.select("unit_code", "province_code").iter_rows())
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
        above = [provinces.get(unit, unit) for unit in told]
        values = np.ascontiguousarray(values, dtype=np.float64)
        found.append(Item(str(name), every["period"].to_list(), told, above, values, weather))
    return found


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
