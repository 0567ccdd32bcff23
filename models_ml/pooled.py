"""Candidates that learn from all series of a disease at once: a linear one, and trees on what the linear one leaves."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models_ml.anomalies import SEASON, Design, design, fresh, level_weight, regressed, spread
from models_ml.panel import QUANTILES, Flags, Floats, Integers, Panel

FEWEST_ROWS = 24
NEWEST = 15 * SEASON  # months that trees are grown on: enough, and the cost stays the same as archives grow
FEWEST_TREE_ROWS = 2000
BLOCK = SEASON  # months that are left out together when errors are measured
FOLDS = 4
TREES = 150
TREE_OPTIONS = {
    "objective": "l2",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 150,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "num_threads": 1,  # one process a core
    "deterministic": True,
    "force_row_wise": True,
    "seed": 1,
    "verbose": -1,
}


Fit = Callable[[Panel, Design], tuple[Floats, Floats] | None]


def anomaly_regression(panel: Panel, horizon: int) -> Floats:
    """The season and a ridge regression on what departs from it, spread by the errors of its past fits."""
    return _spread_by_past_errors(panel, horizon, _regression)


def gradient_boosting(panel: Panel, horizon: int) -> Floats:
    """A first-order autoregression of the anomaly corrected by LightGBM, spread by errors on months left out.

    NaN where all series together have too few months for trees.
    """
    return _spread_by_past_errors(panel, horizon, _boosting)


def _spread_by_past_errors(panel: Panel, horizon: int, fit: Fit) -> Floats:
    """`fit` gives the forecasts (horizon, series) and those of the past (horizon, series, months), log(1 + cases)."""
    result = np.full((len(panel.units), horizon, len(QUANTILES)), np.nan)
    series = np.flatnonzero(fresh(panel))
    part = panel.only(series)
    rows = design(part, horizon) if len(series) else None
    if rows is None or (rows.learned.sum(axis=(1, 2)) < FEWEST_ROWS).any():
        return result
    fits = fit(part, rows)
    if fits is None:
        return result
    ceiling = np.log1p(np.nanmax(part.cases, axis=1))[:, None] + np.log(2)
    for step, (now, past, outcomes, learned) in enumerate(zip(*fits, rows.outcomes, rows.learned, strict=True)):
        errors = (outcomes - past)[learned]
        made = spread(now, past[learned], errors, np.nonzero(learned)[0])
        result[series, step] = np.maximum(np.expm1(np.minimum(made, ceiling)), 0)
    return result


def _regression(panel: Panel, rows: Design) -> tuple[Floats, Floats]:
    fitted = regressed(rows)
    return fitted[:, :, -1], fitted


def _boosting(panel: Panel, rows: Design) -> tuple[Floats, Floats] | None:
    linear = regressed(replace(rows, predictors=rows.predictors[..., :1]))
    usable = rows.learned.copy()
    usable[:, :, :-NEWEST] = False
    if usable.sum() < FEWEST_TREE_ROWS:
        return None
    predictors = _tree_predictors(panel, rows, linear)
    months = np.broadcast_to(np.arange(len(panel.months)), usable.shape)[usable]
    correction = _corrections(
        predictors[usable],
        (rows.outcomes - linear)[usable],
        level_weight(rows.expected[usable]),
        (len(panel.months) - 1 - months) // BLOCK % FOLDS,
        predictors[:, :, -1].reshape(-1, predictors.shape[-1]),
    )
    past = linear.copy()
    past[usable] += correction[0]
    return linear[:, :, -1] + correction[1].reshape(linear.shape[:2]), past


def _tree_predictors(panel: Panel, rows: Design, linear: Floats) -> Floats:
    """(horizon, series, months, predictors): also the season and where in it the month to come is."""
    shape = rows.expected.shape
    steps = np.arange(1, shape[0] + 1)[:, None, None]
    angle = 2 * np.pi * ((panel.months.astype(np.int64) + steps) % SEASON) / SEASON
    own = [rows.expected, rows.expected - rows.usual, linear - rows.expected, np.cos(angle), np.sin(angle), steps]
    further = np.stack([np.broadcast_to(values, shape) for values in own], axis=-1)
    return np.concatenate([np.broadcast_to(rows.predictors, (*shape, rows.predictors.shape[-1])), further], axis=-1)


def _corrections(
    predictors: Floats, left: Floats, weight: Floats, fold: Integers, now: Floats
) -> tuple[Floats, Floats]:
    """What trees say of the rows when they are left out of the fit, and of the rows `now`."""
    import lightgbm

    def grown(chosen: Flags) -> lightgbm.Booster:
        data = lightgbm.Dataset(predictors[chosen], left[chosen], weight=weight[chosen], params=TREE_OPTIONS)
        return lightgbm.train(TREE_OPTIONS, data, TREES)

    out = np.empty(len(left))
    for number in range(FOLDS):
        apart = fold == number
        if apart.any():
            out[apart] = grown(~apart).predict(predictors[apart])
    return out, np.asarray(grown(np.full(len(left), True)).predict(now), dtype=np.float64)
