"""CRPS of every candidate and of their mean on real dengue: 63 provinces, 1–3 months ahead, origins every 3 months.

Run: python -m benchmarks.forecast_scores PATH/chap_VNM_admin1_monthly.csv
"""

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from models_ml.backtests import EVERY, HORIZON, Rolled, roll, score
from models_ml.candidates import CANDIDATES
from models_ml.panel import Floats, Panel, crps, panels
from models_ml.workers import worker_pool

# first and last origin: the months scored are those of the years named
PERIODS = {"2008–09": ("2007-12", "2009-09"), "2010 (epidemic)": ("2009-12", "2010-09")}
SEASONS = {"dry, Dec–May": (12, 1, 2, 3, 4, 5), "rainy, Jun–Nov": (6, 7, 8, 9, 10, 11)}


def read_features(path: Path) -> pl.DataFrame:
    """The file's dengue counts and weather with the columns that the models read; provinces as the file has them."""
    return pl.read_csv(path).select(
        pl.col("location").alias("province_code"),
        pl.lit("dengue").alias("disease_code"),
        pl.col("time_period").str.to_date("%Y-%m").alias("month"),
        pl.col("disease_cases").alias("cases"),
        pl.col("rainfall").alias("rainfall_mm_per_day"),
        pl.col("mean_temperature").alias("mean_temperature_c"),
    )


def known_months(panel: Panel, first: str, last: str) -> list[int]:
    """How many months are known at each origin from `first` to `last`."""
    origins = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 1, EVERY)
    return [int((origin - panel.months[0]).astype(int)) + 1 for origin in origins]


def main() -> None:
    """Print one table a period, the best first, and coverage over all periods."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    (panel,) = panels(read_features(Path(sys.argv[1])))
    covered: dict[str, list[tuple[int, float]]] = {}
    with worker_pool() as pool:
        for period, (first, last) in PERIODS.items():
            started = time.perf_counter()
            known = known_months(panel, first, last)
            (rolled,) = roll([panel], [known], CANDIDATES, pool)
            seconds = time.perf_counter() - started
            scores = score(panel, known, rolled)
            cells = int(scores["cells"].to_numpy().max())
            print(f"\ndengue {period}: {len(panel.units)} provinces, {len(known)} origins, {cells} cells")
            _table(scores, {name: _by_season(panel, known, one) for name, one in rolled.items()})
            print(f"{seconds:.0f} s", flush=True)
            for row in scores.filter(pl.col("horizon") == 0).iter_rows(named=True):
                covered.setdefault(row["model"], []).append((row["cells"], row["coverage_80"]))
    print("\n80 % coverage over both periods")
    for name, parts in covered.items():
        print(f"{name:<20}{np.average([share for _, share in parts], weights=[count for count, _ in parts]):>8.3f}")


def _by_season(panel: Panel, known: list[int], rolled: Rolled) -> list[float]:
    """Mean CRPS by season of the month forecast."""
    truth = np.stack([panel.cases[:, months : months + HORIZON] for months in known])
    loss: Floats = crps(rolled.quantiles, truth) if rolled.quantiles is not None else np.full(truth.shape, np.nan)
    month = np.array([[(panel.months[m + step].astype(int) % 12) + 1 for step in range(HORIZON)] for m in known])
    return [float(np.nanmean(loss.transpose(0, 2, 1)[np.isin(month, months)])) for months in SEASONS.values()]


def _table(scores: pl.DataFrame, by_season: dict[str, list[float]]) -> None:
    steps = "".join(f"{f'{step} mo.':>8}" for step in range(1, HORIZON + 1))
    seasons = "".join(f"{name:>16}" for name in SEASONS)
    print(f"{'model':<20}{'CRPS':>8}{steps}{seasons}{'80 %':>7}{'50 %':>7}{'MASE':>7}{'clim.':>8}{'s. naive':>9}")
    for row in scores.filter(pl.col("horizon") == 0).sort("crps", nulls_last=True).iter_rows(named=True):
        if row["crps"] is None:
            print(f"{row['model']:<20}  {row['note']}")
            continue
        own = scores.filter((pl.col("model") == row["model"]) & (pl.col("horizon") > 0)).sort("horizon")["crps"]
        figures = "".join(f"{value:>8.1f}" for value in (row["crps"], *own))
        figures += "".join(f"{value:>16.1f}" for value in by_season[row["model"]])
        figures += f"{row['coverage_80']:>7.2f}{row['coverage_50']:>7.2f}{row['mase']:>7.2f}"
        print(f"{row['model']:<20}{figures}{row['skill_climatology']:>8.2f}{row['skill_seasonal_naive']:>9.2f}")


if __name__ == "__main__":
    main()
