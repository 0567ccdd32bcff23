"""How good the daily forecasts are: dossiers and petitions of the stand-in's province, a backtest of two years of each.

What the door refuses, such as a date of long ago, is left out. Run: python -m benchmarks.daily_scores [--seeds 7 8 9]
"""

import argparse
import time
from datetime import date

import numpy as np
import polars as pl

from models_ml.daily import CANDIDATES
from models_ml.daily_series import answer_of
from models_ml.panel import Floats
from simulator.dossiers import generate_dossiers
from simulator.petitions import generate_petitions
from simulator.province import read_communes

FIRST, LAST = date(2024, 11, 1), date(2026, 11, 24)


def by_day(received: pl.Series) -> Floats:
    """(1, days) how many came on each day from FIRST to LAST."""
    every = pl.DataFrame({"day": pl.date_range(FIRST, LAST, "1d", eager=True)})
    counted = received.dt.date().value_counts(name="count").rename({received.name: "day"})
    wide = every.join(counted, on="day", how="left", maintain_order="left")["count"].fill_null(0)
    return wide.to_numpy()[None].astype(np.float64)


def worlds(seed: int) -> dict[str, Floats]:
    """Daily counts of one generated province."""
    units = read_communes(124)
    months = pl.date_range(FIRST, LAST, "1mo", eager=True).to_list()
    dossiers = generate_dossiers(units, months, seed, 1.0)
    petitions = generate_petitions(units, FIRST, LAST, seed, 1.0).unique("ma_don", maintain_order=True)
    return {"dossiers": by_day(dossiers["received_at"]), "petitions": by_day(petitions["ngay_nhan"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    print("| series | seed | model | CRPS | 80 % interval holds | champion | seconds of a processor |")
    print("|---|---|---|---|---|---|---|")
    for seed in parser.parse_args().seeds:
        for name, values in worlds(seed).items():
            used = time.process_time()
            answer = answer_of(values, FIRST, CANDIDATES, {}, None)
            used = time.process_time() - used
            for model, scores in zip(CANDIDATES, answer.scores, strict=True):
                shown = f"yes | {used:.1f}" if model == answer.chosen.model else "|"
                crps, _, held = np.nanmean(scores, axis=(0, 1, 2))
                print(f"| {name} | {seed} | {model} | {crps:.2f} | {held:.2f} | {shown} |")


if __name__ == "__main__":
    main()
