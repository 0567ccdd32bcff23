"""CRPS of every candidate and of their mean on real dengue: 63 provinces, 1–3 months ahead, origins every 3 months, refitted.

Run: python -m benchmarks.forecast_scores PATH/chap_VNM_admin1_monthly.csv
"""

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from models_ml.backtests import EVERY, HORIZON, roll, score
from models_ml.candidates import CANDIDATES
from models_ml.panel import Panel, panels
from models_ml.workers import worker_pool

# first and last origin: the months scored are those of the years named
PERIODS = {"2008–09": ("2007-12", "2009-09"), "2010 (epidemic)": ("2009-12", "2010-09")}


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


def _known(panel: Panel, first: str, last: str) -> list[int]:
    origins = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 1, EVERY)
    return [int((origin - panel.months[0]).astype(int)) + 1 for origin in origins]


def main() -> None:
    """Print one table a period: CRPS, coverage, skill against climatology and against seasonal naive."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    (panel,) = panels(read_features(Path(sys.argv[1])))
    for period, (first, last) in PERIODS.items():
        started = time.perf_counter()
        known = _known(panel, first, last)
        with worker_pool() as pool:
            (rolled,) = roll([panel], [known], CANDIDATES, pool)
        seconds = time.perf_counter() - started
        scores = score(panel, known, rolled).filter(pl.col("horizon") == 0).sort("crps")
        cells = int(scores["cells"].to_numpy().max())
        print(
            f"\ndengue {period}: {len(panel.units)} provinces, {len(known)} origins, 1–{HORIZON} months, {cells} cells"
        )
        print(f"{'model':<20}{'CRPS':>8}{'80 %':>7}{'50 %':>7}{'skill':>8}{'skill':>8}")
        print(f"{'':<20}{'':>8}{'cover':>7}{'cover':>7}{'clim.':>8}{'s. naive':>9}")
        for row in scores.iter_rows(named=True):
            covers = f"{row['coverage_80']:>7.2f}{row['coverage_50']:>7.2f}"
            skills = f"{row['skill_climatology']:>8.2f}{row['skill_seasonal_naive']:>9.2f}"
            print(f"{row['model']:<20}{row['crps']:>8.1f}{covers}{skills}")
        print(f"{seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
