"""The champion chosen on dengue up to 2010 forecasts later years: dengue, and hand, foot and mouth disease.

Run: python -m benchmarks.forecast_champion FOLDER (with chap_VNM_admin1_monthly.csv and gdpm_*.parquet)

The choice sees origins of 2008–2010 alone. The model chosen is refitted every three months on what was known, and its
skill is printed with an interval from a moving-block bootstrap over origins.
"""

import sys
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.forecast_scores import known_months, read_features
from models_ml.backtests import HORIZON, Rolled, roll, score
from models_ml.candidates import BASELINES, CANDIDATES
from models_ml.ensemble import MEMBERS
from models_ml.panel import Floats, Panel, at, crps, panels
from models_ml.workers import worker_pool

CHOICE = ("2007-12", "2010-09")  # first and last origin
LATER = {"dengue": ("2010-12", "2015-09"), "hfmd": ("2011-12", "2015-09")}
BLOCK = 4  # origins drawn together: a year
DRAWS = 5000


def read_later(path: Path, disease: str) -> pl.DataFrame:
    """Monthly cases of a disease in the provinces of 2015, with the columns that the models read."""
    rows = pl.read_parquet(path).filter(pl.col("disease") == disease)
    today = rows.filter(pl.col("year") == pl.col("year").max())["province"].unique()
    return rows.filter(pl.col("province").is_in(today.implode())).select(
        pl.col("province").alias("province_code"),
        pl.col("disease").alias("disease_code"),
        pl.date("year", "month", 1).alias("month"),
        "cases",
    )


def bootstrapped_skill(loss: Floats, rival: Floats, seed: int = 1) -> tuple[float, float, float]:
    """1 − loss / rival of the sums over origins (origins,) each, and its 95 % interval over blocks of origins."""
    rng = np.random.default_rng(seed)
    count = -(-len(loss) // BLOCK)
    starts = rng.integers(0, len(loss) - BLOCK + 1, (DRAWS, count, 1))
    drawn = (starts + np.arange(BLOCK)).reshape(DRAWS, -1)[:, : len(loss)]
    skill = 1 - loss[drawn].sum(axis=1) / rival[drawn].sum(axis=1)
    low, high = np.quantile(skill, [0.025, 0.975])
    return float(1 - loss.sum() / rival.sum()), float(low), float(high)


def chosen(panel: Panel, pool: Executor) -> str:
    """The champion of the backtest over the years of CHOICE; prints what it was chosen from."""
    known = known_months(panel, *CHOICE)
    (rolled,) = roll([panel.until(known[-1] + HORIZON)], [known], CANDIDATES, pool)
    scores = score(panel, known, rolled).filter(pl.col("horizon") == 0).sort("crps")
    print(f"chosen on dengue, origins {CHOICE[0]} to {CHOICE[1]}:")
    for row in scores.iter_rows(named=True):
        chances = "".join(f"{row[f'chance_{rival}']:>10.4f}" for rival in BASELINES)
        print(f"  {row['model']:<20}{row['crps']:>8.1f}  p against climatology, seasonal naive{chances}")
    champion: str = scores.filter("champion")["model"][0]
    print(f"champion: {champion}\n", flush=True)
    return champion


def _losses(rolled: Rolled, truth: Floats) -> tuple[Floats, Floats, Floats]:
    if rolled.quantiles is None:
        raise SystemExit(rolled.note)
    inside = (truth >= np.floor(at(rolled.quantiles, 0.1))) & (truth <= np.ceil(at(rolled.quantiles, 0.9)))
    return crps(rolled.quantiles, truth), inside, rolled.quantiles


def main() -> None:
    """Print the choice, then skill with interval and coverage of the champion by disease."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    (file,) = folder.glob("gdpm_*.parquet")
    with worker_pool() as pool:
        (known_then,) = panels(read_features(folder / "chap_VNM_admin1_monthly.csv"))
        champion = chosen(known_then, pool)
        names = [*BASELINES, *(name for name in MEMBERS.get(champion, (champion,)) if name not in BASELINES)]
        print(f"{'':<10}{'origins':>18}{'cells':>7}{'CRPS':>8}{'80 %':>6}  skill [95 %]")
        for disease, (first, last) in LATER.items():
            (panel,) = panels(read_later(file, disease))
            known = known_months(panel, first, last)
            (rolled,) = roll([panel], [known], {name: CANDIDATES[name] for name in names}, pool)
            truth = np.stack([panel.cases[:, months : months + HORIZON] for months in known])
            losses = {name: _losses(rolled[name], truth)[0] for name in (*BASELINES, champion)}
            seen = ~np.isnan(np.sum(list(losses.values()), axis=0))
            by_origin = {name: np.where(seen, loss, 0).sum(axis=(1, 2)) for name, loss in losses.items()}
            _, inside, _ = _losses(rolled[champion], truth)
            skills = [
                "{:.2f} [{:.2f}, {:.2f}] against {}".format(
                    *bootstrapped_skill(by_origin[champion], by_origin[rival]), rival.replace("_", " ")
                )
                for rival in BASELINES
            ]
            print(
                f"{disease:<10}{first:>9}–{last}{seen.sum():>7}{losses[champion][seen].mean():>8.1f}"
                f"{inside[seen].mean():>6.2f}  {'; '.join(skills)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
