"""Monthly series of one disease side by side, as arrays."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

QUANTILES = np.round(np.arange(0.01, 1.0, 0.01), 2)  # .01 … .99


@dataclass(frozen=True)
class Panel:
    """Series that end in the same month. cases: (series, months) float, NaN where not reported."""

    disease: str
    units: list[str]
    months: np.ndarray  # datetime64[M], without gaps
    cases: np.ndarray

    @property
    def origin(self) -> date:
        """The last month."""
        return self.months[-1].astype(object)

    def until(self, months: int) -> "Panel":
        """What was known when only the first `months` months were."""
        return Panel(self.disease, self.units, self.months[:months], self.cases[:, :months])


def panels(features: pl.DataFrame) -> list[Panel]:
    """Series grouped by disease and last month with cases; series that were never reported are left out.

    features: `int_disease_province_month` (province_code, disease_code, month, cases).
    """
    known = features.filter(pl.col("cases").is_not_null())
    ends = known.group_by("disease_code", "province_code").agg(pl.col("month").max().alias("end"))
    groups = known.join(ends, on=["disease_code", "province_code"]).partition_by("disease_code", "end", as_dict=True)
    return [_panel(str(disease), rows) for (disease, _), rows in sorted(groups.items())]


def _panel(disease: str, rows: pl.DataFrame) -> Panel:
    wide = (
        rows.pivot("province_code", index="month", values="cases", aggregate_function="first")
        .sort("month")
        .upsample("month", every="1mo")
        .sort("month")
    )
    units = sorted(name for name in wide.columns if name != "month")
    return Panel(
        disease,
        units,
        wide["month"].to_numpy().astype("datetime64[M]"),
        wide.select(pl.col(units).cast(pl.Float64)).to_numpy().T,
    )


def crps(quantiles: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
    """CRPS as twice the mean pinball loss over QUANTILES.

    quantiles: (…, 99), outcomes: (…), both in cases. NaN where the outcome is.
    """
    error = outcomes[..., None] - quantiles
    return 2 * np.maximum(QUANTILES * error, (QUANTILES - 1) * error).mean(axis=-1)


def at(quantiles: np.ndarray, level: float) -> np.ndarray:
    """The quantile of a level out of (…, 99)."""
    return quantiles[..., int(np.argmin(np.abs(QUANTILES - level)))]
