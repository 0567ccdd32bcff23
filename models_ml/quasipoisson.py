"""Quasi-Poisson log-linear models of weekly counts, many at a time, as R's `glm` fits them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from models_ml.panel import Flags, Floats

STEPS, TOLERANCE, EPSILON = 25, 1e-8, 2.0**-52  # of R's glm: what nearly empty histories give depends on them


class Design(NamedTuple):
    """The reference weeks: how far back each is, and the part of the year it is in; the last part is that judged."""

    offsets: NDArray[np.int64]
    parts: NDArray[np.int64]


class Fit(NamedTuple):
    """Quasi-Poisson log-linear models: arrays of (cells,), but mean and leverage of (cells, weeks)."""

    predicted: Floats  # log mean of the week judged
    variance: Floats  # of predicted, at dispersion 1
    slope: Floats  # a week
    slope_variance: Floats  # at dispersion 1; infinite without a trend
    dispersion: Floats
    loose_dispersion: Floats  # residuals weighted by the weights given alone
    freedom: Floats  # weeks less coefficients
    converged: Flags
    mean: Floats
    leverage: Floats


def fit_models(counts: Floats, weights: Floats, design: Design, trended: Flags) -> Fit:
    """Iteratively reweighted least squares of log mean = level of the part + slope · week, in the steps of R's glm.

    counts, weights: (cells, weeks), weight 0 where unknown. trended: (cells,). With one level a part the normal
    equations solve themselves: the slope from deviations within the parts, the levels from what it leaves.
    """
    part, time = design.parts, design.offsets.astype(np.float64)
    member = (part[:, None] == np.arange(part.max() + 1)).astype(np.float64)
    mean = counts + 0.1
    deviance = _deviance(counts, weights, mean)
    working, level, slope = weights * mean, np.zeros((len(counts), member.shape[1])), np.zeros(len(counts))
    converged = np.zeros(len(counts), np.bool_)
    going = np.arange(len(counts))
    for _ in range(STEPS):
        y, mu = counts[going], mean[going]
        w = weights[going] * mu
        target = np.log(mu) + (y - mu) / mu
        _, centre, away, spread = _within_parts(w, time, member, part, trended[going])
        height = _part_means(w, target, member)
        tilt = (w * away * (target - height[:, part])).sum(axis=1) / spread
        with np.errstate(over="ignore", invalid="ignore"):
            mu = np.maximum(np.exp(height[:, part] + tilt[:, None] * away), EPSILON)
            newer = _deviance(y, weights[going], mu)
            done = np.abs(newer - deviance[going]) / (np.abs(newer) + 0.1) < TOLERANCE
        working[going], mean[going], deviance[going] = w, mu, newer
        level[going], slope[going], converged[going] = height - tilt[:, None] * centre, tilt, done
        going = going[~done]
        if not len(going):
            break
    mass, centre, away, spread = _within_parts(working, time, member, part, trended)
    share = np.divide(1, mass, out=np.zeros_like(mass), where=mass > 0)
    coefficients = (mass > 0).sum(axis=1) + np.isfinite(spread)
    freedom = ((weights > 0).sum(axis=1) - coefficients).astype(np.float64)
    freedom[freedom <= 0] = np.nan
    square = ((counts - mean) / mean) ** 2
    return Fit(
        predicted=np.where(mass[:, -1] > 0, level[:, -1], np.nan),
        variance=share[:, -1] + centre[:, -1] ** 2 / spread,
        slope=slope,
        slope_variance=1 / spread,
        dispersion=(working * square).sum(axis=1) / freedom,
        loose_dispersion=(weights * square).sum(axis=1) / freedom,
        freedom=freedom,
        converged=converged,
        mean=mean,
        leverage=working * (share[:, part] + away**2 / spread[:, None]),
    )


def _within_parts(
    w: Floats, time: Floats, member: Floats, part: NDArray[np.int64], trended: Flags
) -> tuple[Floats, Floats, Floats, Floats]:
    """Weight and mean time of each part, weeks away from it, and their weighted square: infinite without a trend."""
    mass, centre = w @ member, _part_means(w, time, member)
    away = time - centre[:, part]
    spread = (w * away**2).sum(axis=1)
    sloped = trended & (spread > 1e-12 * (w * time**2).sum(axis=1))
    return mass, centre, away, np.where(sloped, spread, np.inf)


def _part_means(w: Floats, values: Floats, member: Floats) -> Floats:
    mass = w @ member
    return np.divide((w * values) @ member, mass, out=np.zeros_like(mass), where=mass > 0)


def _deviance(counts: Floats, weights: Floats, mean: Floats) -> Floats:
    deviance: Floats = 2 * (weights * (xlogy(counts, counts / mean) - (counts - mean))).sum(axis=1)
    return deviance
