"""Forecasts of the levels of a hierarchy made to agree."""

from collections.abc import Sequence

import numpy as np

from models_ml.panel import Floats, Integers

LEAST = 1e-12  # of a mean or variance of 0


def reconcile(means: Sequence[Floats], variances: Sequence[Floats], above: Sequence[Integers]) -> list[Floats]:
    """Means of each level, the lowest first, of which each unit's is the sum of its parts'; none below 0.

    means, variances: (units,) of each level, forecast apart, ≥ 0. above: (units,) of each level but the highest, the
    number of each one's unit in the next level. A unit without parts keeps what it had before it shares with others.

    It is MinT (Wickramasuriya, Athanasopoulos and Hyndman 2019, J Am Stat Assoc 114) with a diagonal matrix in which a
    part's variance goes with its mean, as counts have it: so the parts of a unit keep their proportions, and no part
    can fall below 0. Upwards each unit's mean meets the sum of its parts', the surer one moving less; downwards the
    parts share what came of it. Parts that all expect nothing share alike.
    """
    made, spread = [means[0]], variances[0]
    for mean, variance, number in zip(means[1:], variances[1:], above, strict=True):
        summed, of_parts = _sums(made[-1], number, mean), _sums(spread, number, mean)
        has_parts = np.bincount(number, minlength=len(mean)) > 0
        weight = np.where(has_parts, (variance + LEAST) / (variance + of_parts + 2 * LEAST), 0)  # of the parts
        made.append(mean + (summed - mean) * weight)
        spread = np.where(has_parts, variance * of_parts / (variance + of_parts + LEAST), variance)
    for level in reversed(range(len(above))):
        number, upper = above[level], made[level + 1]
        parts = made[level] + LEAST
        made[level] = parts / _sums(parts, number, upper)[number] * upper[number]
    for level, number in enumerate(above):
        has_parts = np.bincount(number, minlength=len(made[level + 1])) > 0
        made[level + 1] = np.where(has_parts, _sums(made[level], number, made[level + 1]), made[level + 1])
    return made


def _sums(values: Floats, number: Integers, upper: Floats) -> Floats:
    """Of the values of each unit's parts, one a unit of the upper level."""
    summed: Floats = np.bincount(number, values, minlength=len(upper)).astype(np.float64)
    return summed
