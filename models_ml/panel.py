"""Monthly series of one disease side by side, as arrays; and how forecasts of them are scored."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

QUANTILES: Floats = np.round(np.arange(0.01, 1.0, 0.01), 2)  # .01 … .99
# of these, the ones that are told, by their names in every table
LEVELS = {"q05": 0.05, "q10": 0.10, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q90": 0.90, "q95": 0.95}
MEASURES = ("crps", "coverage_50", "coverage_80")  # what is told of a backtest, horizon by horizon
LATE_DAYS = 100  # a series that ended this much before another still shares its origin: its report is only late
WEATHER = ("rainfall_mm_per_day", "mean_temperature_c")


@dataclass(frozen=True)
class Panel:
    """Series with a common origin, the last month. cases: (series, months) float, NaN where not reported.

    weather: one array shaped like cases a kind of WEATHER that was measured, NaN where it was not.
    """

    disease: str
    units: list[str]
    months: NDArray[np.datetime64]  # of [M], without gaps
    cases: Floats
    weather: tuple[Floats, ...] = ()

    @property
    def origin(self) -> date:
        """The last month."""
        return _as_date(self.months[-1])

    @property
    def known(self) -> Flags:
        """Which months of which series were reported."""
        return ~np.isnan(self.cases)

    def until(self, months: int) -> "Panel":
        """What was known when only the first `months` months were."""
        weather = tuple(kind[:, :months] for kind in self.weather)
        return replace(self, months=self.months[:months], cases=self.cases[:, :months], weather=weather)

    def only(self, series: Integers) -> "Panel":
        """Some of the series, by number."""
        weather = tuple(kind[series] for kind in self.weather)
        return replace(self, units=[self.units[n] for n in series], cases=self.cases[series], weather=weather)

    def coming(self, horizon: int) -> NDArray[np.datetime64]:
        """The months after the origin."""
        return self.months[-1] + np.arange(1, horizon + 1)


def _as_date(month: Any) -> date:
    first: date = month.astype("datetime64[D]").astype(object)
    return first


def panels(features: pl.DataFrame) -> list[Panel]:
    """Series grouped by disease and origin, in that order; series that were never reported are left out.

    features: `int_disease_province_month` (province_code, disease_code, month, cases, weather if any). A series whose
    reports stopped for good keeps its own last month as origin, one that is only late shares the origin of the others.
    """
    measured = [kind for kind in WEATHER if kind in features.columns]
    columns = ("province_code", "disease_code", "month", "cases", *measured)
    known = features.filter(pl.col("cases").is_not_null()).select(columns)
    groups: list[Panel] = []
    for (disease,), rows in sorted(known.partition_by("disease_code", as_dict=True).items()):
        ends = rows.group_by("province_code").agg(end=pl.col("month").max()).sort("end", descending=True)
        origin, origins = date.max, []
        for end in ends["end"]:
            origin = end if origin - end > timedelta(days=LATE_DAYS) else origin
            origins.append(origin)
        rows = rows.join(ends.select("province_code", origin=pl.Series(origins, dtype=pl.Date())), on="province_code")
        groups += [_panel(str(disease), part) for _, part in sorted(rows.partition_by("origin", as_dict=True).items())]
    return groups


def _panel(disease: str, rows: pl.DataFrame) -> Panel:
    measured = [kind for kind in WEATHER if kind in rows.columns and rows[kind].null_count() < len(rows)]
    months, units, cases = _wide(rows, "cases")
    return Panel(disease, units, months, cases, tuple(_wide(rows, kind)[2] for kind in measured))


def _wide(rows: pl.DataFrame, value: str) -> tuple[NDArray[np.datetime64], list[str], Floats]:
    """Months without gaps, units, and the value by unit and month."""
    wide = (
        rows.pivot("province_code", index="month", values=value, aggregate_function="first")
        .sort("month")
        .upsample("month", every="1mo")
    )
    units = sorted(name for name in wide.columns if name != "month")
    values: Floats = wide.select(pl.col(units).cast(pl.Float64)).to_numpy().T
    return wide["month"].to_numpy().astype("datetime64[M]"), units, values


def crps(quantiles: Floats, outcomes: Floats) -> Floats:
    """CRPS as twice the mean pinball loss over QUANTILES.

    quantiles: (…, 99), outcomes: (…), both in cases. NaN where the outcome or the forecast is.
    """
    error = outcomes[..., None] - quantiles
    loss: Floats = 2 * np.maximum(QUANTILES * error, (QUANTILES - 1) * error).mean(axis=-1)
    return loss


def at(quantiles: Floats, level: float) -> Floats:
    """The quantile of a level out of (…, 99)."""
    chosen: Floats = quantiles[..., int(np.argmin(np.abs(QUANTILES - level)))]
    return chosen
