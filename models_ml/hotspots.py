"""Hot-spots: how many incidents each unit is to expect next month, and how well the highest risks were chosen.

Three ways, of counts (units, months) with NaN where a month was not reported: an exponentially weighted count, a
Poisson regression on it with neighbours, and the mean of both. A unit without any report gets NaN.
"""

import numpy as np
import polars as pl
from scipy.spatial import KDTree

from models_ml.panel import Floats

HALF_LIFE = 6.0  # months
NEAREST = 6  # neighbours of a unit
FIRST = 6  # months that the regression needs before those it learns from
RIDGE, STEPS = 1.0, 25


def neighbour_weights(x: Floats, y: Floats, nearest: int = NEAREST) -> Floats:
    """(units, units), equal shares of the nearest others by their centres. x, y: in one unit of length."""
    points = np.column_stack([x, y])
    nearest = min(nearest, len(points) - 1)
    weights = np.zeros((len(points), len(points)))
    if nearest > 0:
        _, found = KDTree(points).query(points, k=nearest + 1)
        rows = np.repeat(np.arange(len(points)), nearest + 1)
        weights[rows, found.ravel()] = 1.0
        np.fill_diagonal(weights, 0)
        weights /= weights.sum(axis=1, keepdims=True)
    return weights


def weighted_count(counts: Floats, half_life: float = HALF_LIFE) -> Floats:
    """Incidents a month (units,): the mean of the months, half as heavy every `half_life` months back."""
    counts = _checked(counts)
    weights = 0.5 ** (np.arange(counts.shape[1])[::-1] / half_life) * ~np.isnan(counts)
    total = weights.sum(axis=1)
    return np.divide(
        (weights * np.nan_to_num(counts)).sum(axis=1), total, out=np.full(len(counts), np.nan), where=total > 0
    )


def regression(counts: Floats, neighbours: Floats, half_life: float = HALF_LIFE) -> Floats:
    """Incidents expected next month (units,) by one Poisson regression of all units on what was known before.

    log μ = a + b₁·log(weighted count) + b₂·log(last month) + b₃·log(neighbours' weighted count). Where it cannot learn,
    having fewer than FIRST + 3 months or no incident to learn from, the weighted count.
    """
    counts = _checked(counts)
    usual = weighted_count(counts, half_life)
    months = counts.shape[1]
    if months < FIRST + 3:
        return usual
    rows, targets = [], []
    for month in range(FIRST, months):  # a few dozen
        rows.append(_features(counts[:, :month], neighbours, half_life))
        targets.append(counts[:, month])
    features, target = np.vstack(rows), np.concatenate(targets)
    known = ~np.isnan(target) & ~np.isnan(features).any(axis=1)
    if not target[known].sum() > 0:
        return usual
    coefficients = _poisson(features[known], target[known])
    now = _features(counts, neighbours, half_life)
    expected = np.exp(np.minimum(now @ coefficients, np.log(2 * np.nanmax(counts) + 1)))
    return np.where(np.isnan(usual), np.nan, expected)


def mean_risk(counts: Floats, neighbours: Floats, half_life: float = HALF_LIFE) -> Floats:
    """The mean of both."""
    return (weighted_count(counts, half_life) + regression(counts, neighbours, half_life)) / 2


def pai(risk: Floats, seen: Floats, share: float = 0.1) -> float:
    """Predictive accuracy index: share of the incidents in the chosen units by the share of units. NaN without any."""
    return _hits(risk, seen, share) / seen.sum() / (_chosen(seen, share) / len(seen)) if seen.sum() > 0 else np.nan


def pei(risk: Floats, seen: Floats, share: float = 0.1) -> float:
    """Predictive efficiency index: incidents in the chosen units by those in the best to choose. NaN without any."""
    return _hits(risk, seen, share) / _hits(seen, seen, share) if seen.sum() > 0 else np.nan


def calibration(risk: Floats, seen: Floats, groups: int = 10) -> pl.DataFrame:
    """Incidents expected and seen a unit, by groups of rising risk: group, units, expected, seen."""
    order = np.argsort(risk, kind="stable")
    group = np.empty(len(risk), dtype=np.int64)
    group[order] = np.arange(len(risk)) * groups // max(len(risk), 1)
    told = pl.DataFrame({"group": group + 1, "expected": risk, "seen": seen})
    return told.group_by("group").agg(pl.len().alias("units"), pl.col("expected", "seen").mean()).sort("group")


def _hits(risk: Floats, seen: Floats, share: float) -> float:
    """Of units as risky as each other the first ones."""
    first = np.argsort(-np.nan_to_num(risk, nan=-1.0), kind="stable")[: _chosen(seen, share)]
    return float(seen[first].sum())


def _chosen(seen: Floats, share: float) -> int:
    return max(1, round(share * len(seen)))


def _features(counts: Floats, neighbours: Floats, half_life: float) -> Floats:
    """(units, 4) of what was known: 1, and logs of the weighted count, the last month and the neighbours'."""
    usual = weighted_count(counts, half_life)
    last = np.where(np.isnan(counts[:, -1]), usual, counts[:, -1])
    around = neighbours @ np.nan_to_num(usual)
    return np.column_stack([np.ones(len(counts)), *(np.log(values + 0.5) for values in (usual, last, around))])


def _poisson(features: Floats, target: Floats) -> Floats:
    """Coefficients by Newton's steps, slightly shrunk so that they exist for any counts."""
    coefficients = np.zeros(features.shape[1])
    coefficients[0] = np.log(target.mean())
    ridge = RIDGE * np.eye(len(coefficients))
    ridge[0, 0] = 1e-9
    for _ in range(STEPS):
        mean = np.exp(np.clip(features @ coefficients, -20, 20))
        gradient = features.T @ (target - mean) - ridge @ coefficients
        step = np.linalg.solve(features.T @ (features * mean[:, None]) + ridge, gradient)
        coefficients += np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return coefficients


def _checked(counts: Floats) -> Floats:
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim != 2 or (counts < 0).any() or np.isinf(counts).any():
        raise ValueError("counts must be (units, months), not negative and finite, NaN where not reported")
    return counts
