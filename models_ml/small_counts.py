"""A model for series of few cases, most of their months zero: counts as they are, without a logarithm."""

import numpy as np
from scipy.signal import lfilter
from scipy.stats import nbinom

from models_ml.anomalies import SEASON, fresh
from models_ml.panel import QUANTILES, Floats, Integers, Panel

KEPT: Floats = np.array([0.3, 0.5, 0.65, 0.75, 0.85, 0.92, 0.97, 0.99])  # a month, of what was learned before it
OWN_CASES = 30.0  # cases of a series from which its own season counts as much as the common one
FIRST = 1.0  # months that what is known before the first report counts for
RUN_IN = SEASON  # months before forgetting is judged


def poisson_gamma(panel: Panel, horizon: int) -> Floats:
    """Poisson counts of a season times a level that drifts; quantiles of the negative binomial that follows.

    The level's gamma distribution forgets a share of what it learned every month (West and Harrison 1997, ch. 10); how
    much is chosen by series, by the likelihood of each month given those before it. Far months are less certain.
    """
    result = np.full((len(panel.units), horizon, len(QUANTILES)), np.nan)
    series = np.flatnonzero(fresh(panel))
    if not len(series):
        return result
    cases = panel.cases[series]
    calendar = panel.months.astype(np.int64) % SEASON
    season = _season(cases, calendar)
    shape, rate = _levels(cases, season[:, calendar])
    best = np.argmax(_likelihood(cases, season[:, calendar], shape, rate), axis=0)
    every = np.arange(len(series))
    shape, rate = shape[best, every, -1], rate[best, every, -1]
    ceiling = 2 * np.nanmax(cases, axis=1)[:, None] + 1
    for step, month in enumerate(panel.coming(horizon).astype(np.int64) % SEASON):
        kept = KEPT[best] ** (step + 1)
        share = (rate * kept / (rate * kept + season[:, month]))[:, None]
        result[series, step] = np.minimum(nbinom.ppf(QUANTILES, (shape * kept)[:, None], share), ceiling)
    return result


def _season(cases: Floats, calendar: Integers) -> Floats:
    """(series, 12), one on average: mean cases by calendar month, shrunk towards the season of all series."""
    known, month = ~np.isnan(cases), calendar[:, None] == np.arange(SEASON)
    total, reports = np.nan_to_num(cases) @ month, known @ month.astype(np.float64)
    level = total.sum(axis=1, keepdims=True) / reports.sum(axis=1, keepdims=True)
    usual = reports * level  # cases without a season
    common = (total.sum(axis=0) + 1) / (usual.sum(axis=0) + 1)
    prior = OWN_CASES / SEASON
    season: Floats = (total + prior * common) / (usual + prior)
    return season / season.mean(axis=1, keepdims=True)


def _levels(cases: Floats, season: Floats) -> tuple[Floats, Floats]:
    """Shape and rate of the level's gamma distribution after each month: (kept, series, months) each."""
    known = ~np.isnan(cases)
    counts, exposure = np.where(known, cases, 0), np.where(known, season, 0)
    mean = (counts.sum(axis=1) + 0.5) / (exposure.sum(axis=1) + 1)
    before = KEPT[:, None, None] ** np.arange(1, cases.shape[1] + 1)
    shape = np.stack([lfilter([1.0], [1.0, -kept], counts, axis=1) for kept in KEPT])
    rate = np.stack([lfilter([1.0], [1.0, -kept], exposure, axis=1) for kept in KEPT])
    return shape + FIRST * mean[:, None] * before + 1e-6, rate + FIRST * before + 1e-9


def _likelihood(cases: Floats, season: Floats, shape: Floats, rate: Floats) -> Floats:
    """Log-likelihood of the reports, each given those before it: (kept, series)."""
    kept = KEPT[:, None, None]
    shape, rate = shape[:, :, RUN_IN - 1 : -1] * kept, rate[:, :, RUN_IN - 1 : -1] * kept
    each = nbinom.logpmf(cases[:, RUN_IN:], shape, rate / (rate + season[:, RUN_IN:]))
    result: Floats = np.nansum(each, axis=2)
    return result
