"""False and right warnings for communes on simulated weeks of 124 communes × 4 diseases, two years known each time.

Outbreaks of three sizes are planted in one quiet commune over the last four weeks. Warnings without any planted
outbreak count as false, although the simulated contagion makes clusters of its own.

Run: python -m benchmarks.warning_scores
"""

import time
from datetime import date, timedelta

import numpy as np
import polars as pl

from models_ml.warnings import commune_weeks
from simulator.epidemics import mondays_of, weekly_cases
from simulator.province import read_communes
from simulator.weather import monthly_weather

SEEDS = (1, 2, 3)
LAST = np.datetime64("2026-11-23")
KNOWN_WEEKS, EVERY_WEEKS = 104, 8
FIRST_MONDAY = date(2018, 1, 1)
PLANTED = np.array([9, 17, 26, 31])
SIZES = (0.25, 0.5, 1.0)


def simulate(seed: int) -> pl.DataFrame:
    """Dense weeks as in `int_case_commune_week`."""
    units = read_communes()
    weekly = weekly_cases(units, monthly_weather(np.datetime64("2027-01-01"), seed), LAST, seed, 1.0)
    codes = units["code"]
    counted = weekly.select(
        codes.gather(weekly["unit"]).alias("commune_code"),
        pl.col("disease").alias("disease_code"),
        pl.Series("week_start", mondays_of(weekly["week"].to_numpy()).astype("datetime64[D]")),
        "cases",
    )
    keys = ["commune_code", "disease_code", "week_start"]
    grid = (
        codes.to_frame("commune_code")
        .join(counted.select("disease_code").unique(), how="cross")
        .join(counted.select("week_start").unique(), how="cross")
    )
    return grid.join(counted, on=keys, how="left").with_columns(pl.col("cases").fill_null(0)).sort(keys)


def with_outbreak(weeks: pl.DataFrame, today: date, size: float, rng: np.random.Generator) -> tuple[pl.DataFrame, str]:
    """The weeks with an outbreak of dengue in one of the forty communes with the fewest cases; and which one."""
    dengue = weeks.filter(pl.col("disease_code") == "dengue")
    quiet = dengue.group_by("commune_code").agg(pl.col("cases").sum()).sort("cases", "commune_code").head(40)
    commune = str(quiet["commune_code"][int(rng.integers(40))])
    extra = pl.DataFrame(
        {
            "commune_code": commune,
            "disease_code": "dengue",
            "week_start": [today - timedelta(weeks=4 - week) for week in range(4)],
            "more": np.round(PLANTED * size).astype(np.int64),
        }
    )
    joined = weeks.join(extra, on=["commune_code", "disease_code", "week_start"], how="left")
    return joined.with_columns(cases=pl.col("cases") + pl.col("more").fill_null(0)).drop("more"), commune


def main() -> None:
    """Print warnings without cause a week by severity, and the share of planted outbreaks raised by size."""
    started = time.perf_counter()
    rng = np.random.default_rng(0)
    false: list[pl.DataFrame] = []
    found: list[dict[str, object]] = []
    days = 0
    for seed in SEEDS:
        weeks = simulate(seed)
        last = weeks["week_start"].max()
        assert isinstance(last, date)
        for today in pl.date_range(FIRST_MONDAY, last, f"{EVERY_WEEKS}w", eager=True):
            window = weeks.filter(pl.col("week_start").is_between(today - timedelta(weeks=KNOWN_WEEKS), today, "left"))
            days += 1
            false.append(commune_weeks(window, today))
            for size in SIZES:
                planted, commune = with_outbreak(window, today, size, rng)
                raised = commune_weeks(planted, today).filter(
                    (pl.col("unit_code") == commune) & (pl.col("disease_code") == "dengue")
                )
                severities = set(raised["severity"])
                found.append(
                    {
                        "size": round(float(PLANTED.sum() * size)),
                        "any": bool(severities),
                        "warning or alarm": bool(severities & {"warning", "alarm"}),
                        "alarm": "alarm" in severities,
                    }
                )
    rows = pl.concat(false)
    series = len(rows.select("unit_code", "disease_code", "period_start").unique())
    print(f"{days} days looked at, each with 4 weeks of 124 communes × 4 diseases (1,984 cells, 496 series)")
    print("\nshown at a time without any planted outbreak")
    for severity in ("watch", "warning", "alarm"):
        print(f"{severity:<10}{(rows['severity'] == severity).sum() / days:>6.2f} communes and weeks")
    print(f"{'all':<10}{series / days:>6.2f} of 1,984 ({100 * series / days / 1984:.2f} %)")
    print("\nplanted outbreaks raised (cases in four weeks)")
    print(pl.DataFrame(found).group_by("size").mean().sort("size").to_pandas().round(2).to_string(index=False))
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
