"""Weekly cases by commune and disease since 2010: seasons, epidemic years, and contagion within and between communes.

The weeks are simulated in order from a fixed start, so that a later run holds the same past.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator.province import neighbour_weights
from simulator.weather import FIRST_MONTH

FIRST_MONDAY = np.datetime64("2010-01-04", "D")
DISEASES = ["dengue", "hfmd", "influenza", "measles"]
_YEARLY_PER_100K = {"dengue": 265.0, "hfmd": 205.0, "influenza": 215.0, "measles": 3.5}
# Share of the expected cases that comes from recent cases rather than from outside.
_CONTAGION = {"dengue": 0.72, "hfmd": 0.62, "influenza": 0.55, "measles": 0.75}
_DISPERSION = {"dengue": 3.0, "hfmd": 4.0, "influenza": 5.0, "measles": 0.8}
# How much cooler uplands see less of a disease: old province -> factor.
_PLACE = {
    "dengue": {"68": 0.55, "67": 1.15, "60": 1.35},
    "hfmd": {"68": 0.95, "67": 0.9, "60": 1.1},
    "influenza": {"68": 1.25, "67": 0.9, "60": 0.8},
    "measles": {"68": 0.9, "67": 1.4, "60": 0.9},
}
# Epidemic years: size of the year against the mean year, from mid-year to mid-year.
_YEARS = {
    "dengue": {2011: 0.6, 2012: 0.9, 2013: 0.8, 2014: 0.45, 2015: 1.0, 2016: 1.5, 2017: 1.1, 2018: 0.7, 2019: 2.1,
               2020: 0.8, 2021: 0.4, 2022: 2.4, 2023: 0.9, 2024: 0.7, 2025: 1.0, 2026: 1.15},
    "hfmd": {2011: 1.8, 2012: 1.6, 2013: 0.9, 2014: 0.8, 2015: 0.7, 2018: 1.4, 2020: 0.5, 2021: 0.3, 2022: 0.8,
             2023: 1.6, 2024: 0.9, 2025: 1.1},
    "influenza": {2020: 0.7, 2021: 0.35, 2022: 1.2, 2023: 1.0, 2025: 1.2},
    "measles": {2014: 5.0, 2015: 1.2, 2018: 1.8, 2019: 5.0, 2021: 0.2, 2022: 0.3, 2023: 0.4, 2024: 4.0, 2025: 5.0},
}  # fmt: skip


def weekly_cases(
    units: pl.DataFrame, weather: pl.DataFrame, last: np.datetime64[Any], seed: int, scale: float
) -> pl.DataFrame:
    """Columns disease, week (index since FIRST_MONDAY), unit (row of units), cases: only weeks with cases, in order."""
    weeks = int((last.astype("datetime64[D]") - FIRST_MONDAY).astype(int)) // 7 + 1
    mondays = FIRST_MONDAY + 7 * np.arange(weeks)
    neighbours = neighbour_weights(units)
    parts = []
    for number, disease in enumerate(DISEASES):
        expected = _expected(units, weather, mondays, disease, seed) * scale
        cases = _spread(np.random.default_rng([seed, 20, number]), expected, neighbours, disease)
        week, unit = np.nonzero(cases)
        parts.append(
            pl.DataFrame({"week": week, "unit": unit, "cases": cases[week, unit]}).select(
                pl.lit(disease).alias("disease"), "week", "unit", "cases"
            )
        )
    return pl.concat(parts)


def mondays_of(weeks: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """First days of weeks given by index."""
    return FIRST_MONDAY + 7 * weeks.astype("timedelta64[D]")


def _expected(
    units: pl.DataFrame, weather: pl.DataFrame, mondays: NDArray[np.datetime64], disease: str, seed: int
) -> NDArray[np.float64]:
    """Mean cases by week and commune."""
    place = units["old_province"].replace_strict(_PLACE[disease], return_dtype=pl.Float64).to_numpy()
    local = np.random.default_rng([seed, 21, DISEASES.index(disease)]).lognormal(0, 0.3, len(units))
    size = units["population"].to_numpy() / 1e5 * _YEARLY_PER_100K[disease] / 52.18 * place * local
    year = mondays.astype("datetime64[Y]").astype(int) + 1970
    day = (mondays - mondays.astype("datetime64[Y]").astype("datetime64[D]")).astype(int) + 3
    expected = (_season(disease, day / 365.25) * _epidemic_years(disease, year + day / 365.25, seed))[:, None] * size
    if disease == "dengue":  # rain two months before breeds mosquitoes
        codes = sorted(set(units["old_province"]))
        wetness = weather.pivot("old_province", index="month", values="wetness").sort("month").select(codes).to_numpy()
        month = (mondays.astype("datetime64[M]") - FIRST_MONTH).astype(int)
        column = units["old_province"].replace_strict({code: i for i, code in enumerate(codes)}).to_numpy()
        expected = expected * np.exp(0.7 * wetness[np.maximum(month - 2, 0)])[:, column]
    return np.asarray(expected, dtype=np.float64)


def _season(disease: str, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Course of the year with mean about 1; share: part of the year gone."""

    def peak(centre: float, width: float) -> NDArray[np.float64]:
        distance = np.abs(share % 1 - centre)
        return np.asarray(np.exp(-0.5 * (np.minimum(distance, 1 - distance) / width) ** 2))

    if disease == "dengue":  # May to November, August to October highest
        return 0.18 + 2.25 * peak(0.66, 0.145)
    if disease == "hfmd":  # two waves, April–May and September–November
        return 0.3 + 1.45 * peak(0.33, 0.07) + 2.2 * peak(0.76, 0.085)
    if disease == "influenza":  # winter, with a low second wave in the rains
        return 0.45 + 1.7 * peak(0.02, 0.09) + 0.6 * peak(0.52, 0.07)
    return 0.4 + 1.7 * peak(0.22, 0.14)


def _epidemic_years(disease: str, moment: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Size of the epidemic at each moment (decimal years), changing gradually between years."""
    number = DISEASES.index(disease)
    years = np.arange(2009, 2041)
    cycle = np.exp(0.45 * np.cos(2 * np.pi * (years - 2022 - number) / 4.0) - 0.1)
    known = _YEARS[disease]
    quiet = 0.4 if disease == "measles" else 1.0
    size = np.array([known.get(int(y), quiet if y <= 2026 else quiet * c) for y, c in zip(years, cycle, strict=True)])
    luck = np.random.default_rng([seed, 22, number]).lognormal(0, 0.12, len(years))
    centre = years + (0.65 if disease in ("dengue", "hfmd") else 0.15)
    return np.asarray(np.exp(np.interp(moment, centre, np.log(size * luck))))


def _spread(
    rng: np.random.Generator, expected: NDArray[np.float64], neighbours: NDArray[np.float64], disease: str
) -> NDArray[np.int64]:
    """Draw the weeks one after the other: recent cases here and next door raise or lower the mean."""
    weeks, units = expected.shape
    share, size = _CONTAGION[disease], _DISPERSION[disease]
    memory = np.ones(units)  # recent cases over expected ones, smoothed over about three weeks
    cases = np.zeros((weeks, units), dtype=np.int64)
    for week in range(weeks):  # each week hangs on the one before; communes go together
        pressure = 0.65 * memory + 0.35 * (neighbours @ memory)
        mean = np.maximum(expected[week] * (1 - share + share * np.clip(pressure, 0.0, 6.0)), 1e-9)
        cases[week] = rng.poisson(rng.gamma(size, mean / size))
        ratio = (cases[week] + 0.5) / (expected[week] + 0.5)
        memory = 0.65 * memory + 0.35 * ratio
    return cases
