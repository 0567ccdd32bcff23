"""Time and memory of the space-time scan over all communes of the country, what it finds, and how often by chance.

PATH: a GeoJSON of communes whose properties hold code, lon, lat. Weekly cases are Poisson around a simulated
population with a season. Clusters are planted in eight neighbouring communes over the last two weeks; one counts as
found if the first cluster has p ≤ .05 and half of them. Ends with exit 1 where that of the country is not found.

Run: python -m benchmarks.scan_speed PATH
"""

import json
import resource
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from models_ml.panel import Floats
from models_ml.scan import Counts, scan

LEVEL = 0.05
WEEKS, LONGEST = 26, 4
MEAN = 0.3  # cases of one disease in a commune and week
PLANTED = 8  # communes
PROVINCE = 124  # communes
COUNTRY_TIMES = 10  # what the cluster in the country has of the usual
NULL_RUNS, RUNS = 2000, 100


class Places(NamedTuple):
    """Communes: code, longitude, latitude of each."""

    codes: list[str]
    longitudes: Floats
    latitudes: Floats

    def nearest(self, unit: int, number: int) -> list[int]:
        """Units, the nearest first."""
        east = (self.longitudes - self.longitudes[unit]) * np.cos(np.radians(self.latitudes[unit]))
        nearest: list[int] = np.argsort(np.hypot(east, self.latitudes - self.latitudes[unit]))[:number].tolist()
        return nearest


def read_places(path: Path) -> Places:
    features = [feature["properties"] for feature in json.loads(path.read_text(encoding="utf-8"))["features"]]
    east, north = (np.array([one[name] for one in features], np.float64) for name in ("lon", "lat"))
    return Places([one["code"] for one in features], east, north)


def simulate(units: int, rng: np.random.Generator) -> tuple[Counts, Floats]:
    """Cases without any cluster, and what is expected: (units, WEEKS)."""
    population = rng.lognormal(0, 0.7, (units, 1))
    expected = MEAN * population / population.mean() * (1 + 0.4 * np.cos(2 * np.pi * np.arange(WEEKS) / 52))
    return rng.poisson(expected), expected


def search(places: Places, counts: Counts, expected: Floats, replicates: int, share: float, seed: int) -> pl.DataFrame:
    weeks = [date(2026, 5, 25) + timedelta(weeks=week) for week in range(WEEKS)]
    return scan(
        *places, weeks, counts, expected, longest=LONGEST, largest_share=share, replicates=replicates, seed=seed
    )


def planted_run(
    places: Places, times: float, replicates: int, share: float, rng: np.random.Generator
) -> tuple[bool, int, pl.DataFrame]:
    """Whether a cluster with so many times the usual cases is found, how many of its communes are, and all clusters."""
    counts, expected = simulate(len(places.codes), rng)
    there = places.nearest(int(rng.integers(len(places.codes))), PLANTED)
    counts[there, -2:] += rng.poisson((times - 1) * expected[there, -2:])
    table = search(places, counts, expected, replicates, share, int(rng.integers(2**31)))
    hit = len({places.codes[unit] for unit in there} & set(table["units"][0]))
    return bool(table["p_value"][0] <= LEVEL and hit >= PLANTED / 2), hit, table


def main(path: Path) -> int:
    """Print seconds and memory, clusters found, and warnings by chance; 1 if that of the country is not found."""
    country = read_places(path)
    around = country.nearest(0, PROVINCE)
    province = Places([country.codes[unit] for unit in around], country.longitudes[around], country.latitudes[around])
    started = time.perf_counter()
    planted_run(province, 1, 9, 0.5, np.random.default_rng(0))
    print(f"{time.perf_counter() - started:.1f} s: compiled\n")

    passed = True
    print(f"{len(country.codes):,} communes, {WEEKS} weeks, windows of up to {LONGEST} weeks, 999 replicates")
    for share in (0.05, 0.5):
        started = time.perf_counter()
        found, hit, table = planted_run(country, COUNTRY_TIMES, 999, share, np.random.default_rng(7))
        seconds = time.perf_counter() - started
        first = table.row(0, named=True)
        others = int((table["p_value"][1:] <= LEVEL).sum())
        print(
            f"{seconds:6.1f} s, circles of up to {100 * share:.0f} % of the cases: {'found' if found else 'missed'}, "
            f"{hit} of {PLANTED} communes in the first cluster of {len(first['units'])}; {first['observed']} cases for "
            f"{first['expected']:.1f}, p = {first['p_value']:.3f}; {others} more with p ≤ {LEVEL}"
        )
        passed &= found
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:6.0f} MiB at most, the program included")

    print(f"\n{PROVINCE} communes, 199 replicates")
    rng = np.random.default_rng(3)
    started = time.perf_counter()
    values = np.array([planted_run(province, 1, 199, 0.5, rng)[2]["p_value"][0] for _ in range(NULL_RUNS)])
    seconds = (time.perf_counter() - started) / NULL_RUNS
    for level in (0.01, 0.05, 0.2):
        print(f"{(values <= level).mean():6.3f} of {NULL_RUNS} runs without a cluster have p ≤ {level}")
    for times in (2.0, 3.0, 5.0, 8.0):
        runs = [planted_run(province, times, 199, 0.5, rng)[0] for _ in range(RUNS)]
        print(f"{np.mean(runs):6.2f} of {RUNS} clusters with {times:.0f} times the usual cases are found")
    print(f"{seconds:6.2f} s a run")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
