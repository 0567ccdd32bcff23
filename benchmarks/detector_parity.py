"""Outbreak detectors side by side with R's `surveillance`: alarms week by week, bounds within a tolerance.

PATH: a folder with golden_salmonella_agona.csv and golden_rki_alarms.csv (what R computed) and the series themselves,
salmonella_agona_weekly.csv and rki_*.csv. Ends with exit 1 where an alarm differs, a bound is there on one side only
or is out of its tolerance.

Run: python -m benchmarks.detector_parity PATH
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from models_ml.detectors import Detection, bayes, ears_c1, ears_c2, ears_c3, farrington, farrington_flexible, rki
from models_ml.panel import Floats

Detector = Callable[[Floats], Detection]
_EARS: Mapping[str, Detector] = {"EARS_C1": ears_c1, "EARS_C2": ears_c2, "EARS_C3": ears_c3}
_FLEXIBLE = partial(farrington_flexible, periods=10, alpha=0.01, trend_level=1, threshold="nb_plugin")
# what R was given; not written down for the rki series, so for them what a search found to give R's bounds
SALMONELLA: Mapping[str, Detector] = {
    **_EARS,
    "farrington": partial(farrington, years=3, alpha=0.01),
    "farringtonFlexible": partial(_FLEXIBLE, years=3, skip=26),
    "bayes": partial(bayes, years=3, half_width=3, this_year=True, alpha=0.01),
    "rki": partial(rki, years=2, half_width=4),
}
RKI: Mapping[str, Detector] = {
    **_EARS,
    "farrington": partial(farrington, years=2, alpha=0.01),
    "farringtonFlexible": partial(_FLEXIBLE, years=2, skip=3),
    "bayes": partial(bayes, years=2, half_width=3, this_year=True, alpha=0.01),
    "rki": partial(rki, years=2, half_width=4),
}
EXACT = 1e-6
# relative for models; in cases for rki, whose table is printed with three decimals
TOLERANCE = {"farrington": 0.01, "farringtonFlexible": 0.01, "rki": 1e-3}


def read_golden(path: Path) -> pl.DataFrame:
    """series, algo, index (from 1), alarm, upperbound: null where R has none."""
    types = {"index": pl.Int64(), "alarm": pl.Int64(), "upperbound": pl.Float64()}
    salmonella, others = (
        pl.read_csv(path / name, null_values=["NA", ""], schema_overrides=types)
        for name in ("golden_salmonella_agona.csv", "golden_rki_alarms.csv")
    )
    columns = ["series", "algo", "index", "alarm", "upperbound"]
    return pl.concat([salmonella.with_columns(series=pl.lit("salmonella")).select(columns), others.select(columns)])


def read_counts(path: Path, series: str) -> Floats:
    """(1, weeks)."""
    name = "salmonella_agona_weekly.csv" if series == "salmonella" else f"rki_{series}.csv"
    return pl.read_csv(path / name)["observed"].cast(pl.Float64).to_numpy()[None]


def compare(path: Path) -> pl.DataFrame:
    """One row per series and method: weeks, alarms of R, agreed, disagreed, bound_gaps, bound_error, passed.

    bound_gaps: weeks with a bound on one side only. bound_error: the greatest, as in TOLERANCE.
    """
    rows = []
    for (series, algo), part in read_golden(path).group_by(["series", "algo"], maintain_order=True):
        found = (SALMONELLA if series == "salmonella" else RKI)[str(algo)](read_counts(path, str(series)))
        weeks = part["index"].to_numpy() - 1
        upper, alarms = found.upper[0, weeks], found.alarms[0, weeks]
        bound = part["upperbound"].fill_null(np.nan).to_numpy()
        if algo == "farrington":
            bound = np.where(bound == 0, np.nan, bound)  # R's way to say that there were too few cases to tell
        scale = np.maximum(np.abs(bound), 1) if str(algo).startswith("farrington") else 1
        error = np.abs(upper - bound) / scale
        same = alarms == (part["alarm"].fill_null(0).to_numpy() == 1)
        gaps = int((np.isnan(upper) != np.isnan(bound)).sum())
        worst = float(np.nanmax(np.append(error, 0)))
        rows.append(
            {
                "series": series,
                "method": algo,
                "weeks": len(weeks),
                "alarms": int((part["alarm"] == 1).sum()),
                "agreed": int(same.sum()),
                "disagreed": int((~same).sum()),
                "bounds": int((~np.isnan(bound)).sum()),
                "bound_gaps": gaps,
                "bound_error": worst,
                "passed": bool(same.all()) and gaps == 0 and worst <= TOLERANCE.get(str(algo), EXACT),
            }
        )
    return pl.DataFrame(rows)


def main(path: Path) -> int:
    """Print the table; 1 if a method and series did not pass."""
    table = compare(path)
    shown = table.with_columns(pl.col("bound_error").map_elements(lambda error: f"{error:.1e}", return_dtype=pl.String))
    print(shown.to_pandas().to_string(index=False))
    print(
        f"\n{table['weeks'].sum()} weeks compared, {table['disagreed'].sum()} alarms disagree; "
        f"{table['bounds'].sum()} bounds, {table['bound_gaps'].sum()} on one side only; "
        f"{(~table['passed']).sum()} of {len(table)} rows out of tolerance"
    )
    return 0 if table["passed"].all() else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
