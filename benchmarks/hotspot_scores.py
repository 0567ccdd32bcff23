"""Next month's tenth of London wards with most incidents: PEI, PAI and calibration of three ways and of the champion.

Run: python -m benchmarks.hotspot_scores FOLDER
(with london_ward_month_category_2016_2017.parquet and london_ward_centroids.csv)

Every month of 2017 is forecast from the months before it; the half-life is chosen for each kind on 2016 alone, the
champion each month anew by the months before it.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl

from models_ml.hotspots import (
    COUNT,
    FIRST,
    WAYS,
    best_way,
    calibration,
    neighbour_weights,
    pai,
    pei,
    risks,
    weighted_count,
)
from models_ml.panel import Floats

KINDS = ("burglary", "robbery", "anti-social-behaviour")
INCOMPLETE = ("2016-03", "2016-04")
HALF_LIVES = (2.0, 4.0, 6.0, 9.0, 12.0, 24.0)
CHOICE, SCORED = range(5, 12), range(12, 24)  # months since January 2016


def read_counts(folder: Path, kind: str) -> tuple[Floats, Floats]:
    """Incidents (wards, months), NaN in incomplete months, and the wards' neighbours."""
    rows = pl.read_parquet(folder / "london_ward_month_category_2016_2017.parquet")
    centres = pl.read_csv(folder / "london_ward_centroids.csv").sort("ward_code")
    months = sorted(rows["month"].unique())
    wide = (
        pl.DataFrame({"ward_code": centres["ward_code"]})
        .join(pl.DataFrame({"month": months}), how="cross")
        .join(rows.filter(pl.col("category") == kind), on=["ward_code", "month"], how="left")
        .sort("ward_code", "month")
    )
    counts = wide["n"].fill_null(0).to_numpy().astype(np.float64).reshape(len(centres), len(months))
    counts[:, [months.index(one) for one in INCOMPLETE]] = np.nan
    east = centres["lon"].to_numpy() * np.cos(np.radians(centres["lat"].to_numpy().mean()))
    return counts, neighbour_weights(east, centres["lat"].to_numpy())


def main() -> None:
    """Print one table a kind."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for kind in KINDS:
        counts, neighbours = read_counts(Path(sys.argv[1]), kind)
        half_life = max(
            HALF_LIVES,
            key=lambda one: np.mean([pei(weighted_count(counts[:, :m], one), counts[:, m]) for m in CHOICE]),
        )
        told = {month: risks(counts[:, :month], neighbours, half_life) for month in range(FIRST, len(counts[0]))}
        scored = {month: {way: pei(one[way], counts[:, month]) for way in WAYS} for month, one in told.items()}
        for month, one in told.items():
            one["champion"] = one[best_way([scored[before] for before in range(FIRST, month)])]
        print(f"\n{kind}: {len(counts)} wards, {len(SCORED)} months of 2017, half-life {half_life:g} months")
        print(f"{'way':<20}{'PEI':>8}{'PAI':>8}{'expected/seen':>15}{'top tenth':>11}")
        for name in (COUNT, *(way for way in WAYS if way != COUNT), "champion"):
            pairs = [(told[month][name], counts[:, month]) for month in SCORED]
            hits, lift = (np.mean([measure(risk, seen) for risk, seen in pairs]) for measure in (pei, pai))
            total = sum(risk.sum() for risk, _ in pairs) / sum(seen.sum() for _, seen in pairs)
            tenth = pl.concat([calibration(risk, seen).tail(1) for risk, seen in pairs])
            top = tenth["expected"].sum() / tenth["seen"].sum()
            print(f"{name:<20}{hits:>8.3f}{lift:>8.2f}{total:>15.2f}{top:>11.2f}")


if __name__ == "__main__":
    main()
