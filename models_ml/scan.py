"""Clusters of communes and recent weeks with more cases than expected: Kulldorff's prospective space-time scan.

A window is a circle of neighbouring units and the last one, two, … periods. With c cases of C in all in it, and b
expected when all C are shared out as expected, its log-likelihood ratio under the Poisson model is
c·log(c/b) + (C − c)·log((C − c)/(C − b)) where c > b, else 0 (Kulldorff 1997, Commun Stat 26; 2001, J R Stat Soc A
164). The highest over all windows is compared with the highest of replicates, in which the C cases fall anew where
they are expected. As a circle grows by one unit at a time, its cases are a running sum; replicates run side by side,
and logarithms of counts come from a table.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, NamedTuple

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import xlogy

from models_ml.panel import Flags, Floats

EARTH_KM = 6371.0088
SAME_PLACE_KM = 1e-6
ROWS = 256  # of distances sorted at once
SIDE_BY_SIDE = 128  # replicates: of 3,321 units and 4 periods they are 7 MB
Counts = NDArray[np.int64]

SCHEMA = pl.Schema(
    {
        "cluster": pl.Int64(),
        "centre": pl.String(),
        "units": pl.List(pl.String()),
        "radius_km": pl.Float64(),
        "period_start": pl.Date(),
        "periods": pl.Int64(),
        "observed": pl.Int64(),
        "expected": pl.Float64(),
        "relative_risk": pl.Float64(),
        "llr": pl.Float64(),
        "p_value": pl.Float64(),
    }
)


def scan(
    units: Sequence[str],
    longitudes: Floats,
    latitudes: Floats,
    periods: Sequence[date],
    counts: Counts,
    expected: Floats,
    longest: int = 4,
    largest_share: float = 0.5,
    fewest_cases: int = 2,
    replicates: int = 999,
    clusters: int = 10,
    seed: int = 0,
) -> pl.DataFrame:
    """The most likely cluster and further ones that share no unit with those before; empty without any excess.

    longitudes, latitudes: (units,) degrees. periods: the first day of each, oldest first; windows end with the last.
    counts, expected: (units, periods); only the proportions of expected matter: population, or cases by a model. A
    cell that was not reported has 0 of both. longest: periods of the longest window. largest_share: of the expected
    cases of all units, that a circle may hold. fewest_cases: of a window. The p-value is that of the highest excess
    anywhere, so of the first cluster exact and of the others on the safe side; at best 1 / (replicates + 1).
    ValueError where the input contradicts itself.
    """
    counts, expected = np.asarray(counts), np.asarray(expected, np.float64)
    _check(len(units), len(periods), counts, expected, longest)
    total = int(counts.sum())
    if total == 0:
        return SCHEMA.to_frame()
    shares = expected / expected.sum()
    circles = _circles(longitudes, latitudes, shares.sum(axis=1), largest_share)
    baseline = _recent_sums(shares * total, longest)
    table = _count_terms(total, fewest_cases)
    highest = _replicated(circles, shares, baseline, table, replicates, np.random.default_rng(seed))
    recent = _recent_sums(counts, longest)
    rows: list[dict[str, object]] = []
    free = np.ones(len(units), np.bool_)
    windows = circles.starts, circles.order, circles.whole
    while len(rows) < clusters:
        best, ends, lengths = _best_of_each(*windows, recent, baseline, table, free)
        centre = int(np.argmax(best))
        if best[centre] <= 0:
            break
        end, length = int(ends[centre]), int(lengths[centre])
        inside = circles.order[circles.starts[centre] : end + 1]
        free[inside] = False
        observed, usual = int(recent[inside, length].sum()), float(baseline[inside, length].sum())
        rest = (total - observed) / (total - usual)
        rows.append(
            {
                "cluster": len(rows) + 1,
                "centre": units[centre],
                "units": [units[unit] for unit in inside],
                "radius_km": float(circles.reach[end]),
                "period_start": periods[len(periods) - 1 - length],
                "periods": length + 1,
                "observed": observed,
                "expected": usual,
                "relative_risk": observed / usual / rest if rest else None,
                "llr": float(best[centre]),
                "p_value": float((1 + (highest >= best[centre] - 1e-9).sum()) / (1 + replicates)),
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


def highest_ratio(
    longitudes: Floats,
    latitudes: Floats,
    counts: Counts,
    expected: Floats,
    longest: int = 4,
    largest_share: float = 0.5,
    fewest_cases: int = 2,
) -> float:
    """The log-likelihood ratio of the most likely cluster, as `scan` has it; 0 without any excess."""
    counts, expected = np.asarray(counts), np.asarray(expected, np.float64)
    _check(len(counts), counts.shape[1], counts, expected, longest)
    total = int(counts.sum())
    if total == 0:
        return 0.0
    shares = expected / expected.sum()
    circles = _circles(longitudes, latitudes, shares.sum(axis=1), largest_share)
    table, free = _count_terms(total, fewest_cases), np.ones(len(counts), np.bool_)
    sums = _recent_sums(counts, longest), _recent_sums(shares * total, longest)
    best, _, _ = _best_of_each(circles.starts, circles.order, circles.whole, *sums, table, free)
    return float(best.max())


def _check(units: int, periods: int, counts: Counts, expected: Floats, longest: int) -> None:
    if counts.shape != (units, periods) or expected.shape != counts.shape:
        raise ValueError(f"Counts and expected are ({units}, {periods}), not {counts.shape} and {expected.shape}")
    if not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        raise ValueError("Counts are whole numbers and not negative")
    if not np.isfinite(expected).all() or (expected < 0).any():
        raise ValueError("Expected cases are finite and not negative")
    if (counts[expected == 0] > 0).any():
        raise ValueError("There are cases where none are expected at all")
    if not 1 <= longest <= periods:
        raise ValueError(f"The longest window is of 1 to {periods} periods, not {longest}")


class _Circles(NamedTuple):
    """The neighbours of each unit, itself first, nearest first, as far as the largest circle goes; one after the other.

    starts: (units + 1,) where those of each unit begin. order: the neighbour. reach: its distance in km. whole: no
    further unit is as near, so that the circle is complete.
    """

    starts: NDArray[np.int64]
    order: NDArray[np.int32]
    reach: NDArray[np.float32]
    whole: Flags


def _circles(longitudes: Floats, latitudes: Floats, shares: Floats, largest_share: float) -> _Circles:
    """shares: (units,) of all expected cases."""
    east, north = np.radians(longitudes), np.radians(latitudes)
    points = np.column_stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])
    sizes, orders, reaches, wholes = [np.zeros(1, np.int64)], [], [], []
    for start in range(0, len(points), ROWS):
        chord = cdist(points[start : start + ROWS], points)
        chord[np.arange(len(chord)), start + np.arange(len(chord))] = -1  # itself, before others of the same place
        order = np.argsort(chord, axis=1, kind="stable")
        km = 2 * EARTH_KM * np.arcsin(np.clip(np.take_along_axis(chord, order, axis=1) / 2, 0, 1))
        whole = np.diff(km, axis=1, append=np.inf) > SAME_PLACE_KM
        inside = shares[order].cumsum(axis=1) <= largest_share + 1e-12
        sizes.append(inside.sum(axis=1))
        orders.append(order[inside].astype(np.int32))
        reaches.append(km[inside].astype(np.float32))
        wholes.append(whole[inside])
    return _Circles(
        np.cumsum(np.concatenate(sizes)), np.concatenate(orders), np.concatenate(reaches), np.concatenate(wholes)
    )


def _recent_sums(values: NDArray[Any], longest: int) -> NDArray[Any]:
    """(units, longest): the sums of the last period, the last two, …"""
    return values[:, ::-1][:, :longest].cumsum(axis=1)


def _count_terms(total: int, fewest_cases: int) -> Floats:
    """(total + 1,): the part of the likelihood ratio that the count alone makes; −∞ where it is too few."""
    count = np.arange(total + 1)
    terms: Floats = xlogy(count, count / total) + xlogy(total - count, (total - count) / total)
    terms[:fewest_cases] = -np.inf
    return terms


def _replicated(
    circles: _Circles,
    shares: Floats,
    baseline: Floats,
    table: Floats,
    replicates: int,
    rng: np.random.Generator,
) -> Floats:
    """(replicates,) the highest likelihood ratio of each."""
    units, longest = baseline.shape
    recent = shares[:, ::-1][:, :longest].ravel()
    cells = np.append(recent, max(0.0, 1 - recent.sum()))
    sizes = [min(SIDE_BY_SIDE, replicates - start) for start in range(0, replicates, SIDE_BY_SIDE)]

    def some(size: int, rng: np.random.Generator) -> Floats:
        drawn = rng.multinomial(len(table) - 1, cells, size=size)[:, :-1]
        sums = drawn.reshape(size, units, longest).cumsum(axis=2, dtype=np.int32)
        side_by_side = np.ascontiguousarray(sums.transpose(1, 2, 0))
        found: Floats = _highest(circles.starts, circles.order, circles.whole, side_by_side, baseline, table)
        return found

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate([np.zeros(0), *pool.map(some, sizes, rng.spawn(len(sizes)))])


@numba.njit(nogil=True)
def _highest(
    starts: NDArray[np.int64],
    order: NDArray[np.int32],
    whole: Flags,
    counts: NDArray[np.int32],
    baseline: Floats,
    table: Floats,
) -> Floats:
    """(replicates,) the highest likelihood ratio. counts: (units, longest, replicates), the rest as for all.

    The ratio grows with the count and falls with what is expected. So, while a circle grows, the count that could
    raise the lowest of the highest ratios only grows, and most circles need no more than a comparison.
    """
    units, longest, replicates = counts.shape
    total = len(table) - 1
    best = np.zeros(replicates)
    cases = np.empty((longest, replicates), np.int32)
    expected, needed = np.empty(longest), np.empty(longest, np.int64)
    for centre in range(units):
        cases[:], expected[:], needed[:] = 0, 0, 1
        lowest = best.min()
        for position in range(starts[centre], starts[centre + 1]):
            unit = order[position]
            for length in range(longest):
                expected[length] += baseline[unit, length]
                most = 0
                for one in range(replicates):
                    cases[length, one] += counts[unit, length, one]
                    most = max(most, cases[length, one])
                if not whole[position]:
                    continue
                while needed[length] <= most and _ratio(needed[length], expected[length], table, total) <= lowest:
                    needed[length] += 1
                if needed[length] > most:
                    continue
                for one in range(replicates):
                    if cases[length, one] >= needed[length]:
                        best[one] = max(best[one], _ratio(cases[length, one], expected[length], table, total))
    return best


@numba.njit
def _ratio(count: int, expected: float, table: Floats, total: int) -> float:
    """The log-likelihood ratio; 0 without an excess."""
    if count <= expected or expected <= 0 or expected >= total:
        return 0.0
    share = expected / total
    return table[count] - count * np.log(share) - (total - count) * np.log1p(-share)


@numba.njit
def _best_of_each(
    starts: NDArray[np.int64],
    order: NDArray[np.int32],
    whole: Flags,
    counts: Counts,
    baseline: Floats,
    table: Floats,
    free: Flags,
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """(units,) the highest likelihood ratio of circles of free units around each, where the circle ends, its length."""
    units, longest = counts.shape
    total = len(table) - 1
    best = np.zeros(units)
    ends, lengths = np.zeros(units, np.int64), np.zeros(units, np.int64)
    for centre in range(units):
        cases = np.zeros(longest, np.int64)
        expected = np.zeros(longest)
        for position in range(starts[centre], starts[centre + 1]):
            unit = order[position]
            if not free[unit]:
                break
            cases += counts[unit]
            expected += baseline[unit]
            for length in range(longest):
                ratio = _ratio(cases[length], expected[length], table, total)
                if whole[position] and ratio > best[centre]:
                    best[centre], ends[centre], lengths[centre] = ratio, position, length
    return best, ends, lengths
