"""What departs from the season on the log scale, and a regression of the coming months on it that all series share.

The season of a month is only ever made of what was known then: so the fits of the past err as the forecasts will, and
their errors are the forecast's spread (a conformal interval).
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from models_ml.panel import QUANTILES, Flags, Floats, Integers, Panel

SEASON = 12
HALF_LIFE = 3 * SEASON  # months after which a report says half as much about what is usual
OWN_YEARS = 2.0  # years of reports from which a series' own season counts as much as the common one
COMMON_YEARS = 0.5  # the same for the season that all series share: one year may have been unlike the others
SMOOTHING = 0.15  # share of each neighbouring month in the season
FEWEST_KNOWN = SEASON  # reports of a series, for its departures to say anything
KNOWN_BEFORE = 30  # reports before a month that is learned from, where there are plenty: first seasons are guesses
LAGS = SEASON
SIMILAR = 6  # series that went most alike
SIMILAR_MONTHS = 120
RIDGE = 5.0
LEVEL_WEIGHT = 0.6  # of a row, in the exponent: errors are in cases, so high series weigh more
NEAREST = 400  # past errors at a similar level
OWN_SPREAD = 60.0  # errors of its own after which a series' spread counts as much as that of all


@dataclass(frozen=True)
class Design:
    """Rows are series and months (the origins t), all on the scale log(1 + cases).

    expected: (horizon, series, months), the season of month t + h as known at t; usual: (series, months), that of t.
    predictors: (series, months, predictors), without NaN. outcomes: like expected, NaN where not known or too early.
    """

    expected: Floats
    usual: Floats
    predictors: Floats
    outcomes: Floats

    @property
    def learned(self) -> Flags:
        """Rows with an outcome."""
        return ~np.isnan(self.outcomes)


def fresh(panel: Panel) -> Flags:
    """Which series tell enough: a year reported and half of the span, the last year too, and not constant."""
    known = panel.known
    reported = known.sum(axis=1)
    span = known.shape[1] - np.argmax(known, axis=1)
    low = np.where(known, panel.cases, np.inf).min(axis=1)
    high = np.where(known, panel.cases, -np.inf).max(axis=1)
    able: Flags = (reported >= FEWEST_KNOWN) & (2 * reported >= span) & known[:, -SEASON:].any(axis=1) & (high > low)
    return able


def seasons(values: Floats, calendar: Integers) -> Floats:
    """The usual value of each calendar month as known at each month: (months, series, 12).

    values: (series, months), NaN where unknown. calendar: (months,), 0–11. A season is the level of the series plus
    the season common to all plus the series' own departure from that, shrunk by how few years show it; newer years
    count more. NaN before the first value.
    """
    known = ~np.isnan(values)
    month = calendar[:, None] == np.arange(SEASON)
    fading = ([1.0], [1.0, -(0.5 ** (1 / HALF_LIFE))])
    weight = lfilter(*fading, known.T[:, :, None] * month[:, None], axis=0)
    total = lfilter(*fading, np.where(known, values, 0).T[:, :, None] * month[:, None], axis=0)
    weights = weight.sum(axis=2, keepdims=True)
    with np.errstate(invalid="ignore"):
        level = total.sum(axis=2, keepdims=True) / weights
        departed = np.nan_to_num(total - weight * level).sum(axis=1, keepdims=True)
        reporting = np.maximum((weights > 0).sum(axis=1, keepdims=True), 1)
        common = departed / (weight.sum(axis=1, keepdims=True) + COMMON_YEARS * reporting)
        common = common - common.mean(axis=2, keepdims=True)
        level = (total - weight * common).sum(axis=2, keepdims=True) / weights  # whichever months were reported
    own = (total - weight * (level + common)) / (weight + OWN_YEARS)
    smooth = (1 - 2 * SMOOTHING) * own + SMOOTHING * (np.roll(own, 1, axis=2) + np.roll(own, -1, axis=2))
    usual: Floats = level + common + smooth
    return usual


def departures(values: Floats, usual: Floats, calendar: Integers, lags: int = LAGS) -> Floats:
    """What the values of the last months (lag 0: this one) depart from the season as known now: (lags, series, months).

    What was not reported departs as the month before did; 0 where nothing was.
    """
    result = np.full((lags, *values.shape), np.nan)
    for lag in reversed(range(min(lags, values.shape[1]))):
        now = np.arange(lag, values.shape[1])
        result[lag][:, lag:] = values[:, : len(now)] - usual[now, :, calendar[now - lag]].T
        if lag + 1 < lags:
            result[lag] = np.where(np.isnan(result[lag]), result[lag + 1], result[lag])
    return np.nan_to_num(result)


def design(panel: Panel, horizon: int) -> Design:
    """Everything a shared model learns from, of a panel with at least one report in every series."""
    logs = np.log1p(panel.cases)
    calendar = panel.months.astype(np.int64) % SEASON
    usual = seasons(logs, calendar)
    months = np.arange(logs.shape[1])
    expected = np.stack([usual[months, :, (calendar + step) % SEASON].T for step in range(1, horizon + 1)])
    recent = departures(logs, usual, calendar)
    outcomes = np.full(expected.shape, np.nan)
    for step in range(1, min(horizon, len(months) - 1) + 1):
        outcomes[step - 1, :, :-step] = logs[:, step:]
    before = np.cumsum(panel.known, axis=1)
    early = before < np.clip(before[:, -1:] // 3, FEWEST_KNOWN, KNOWN_BEFORE)
    predictors = [*_own(recent), *_around(recent), *_weather(panel, calendar)]
    return Design(
        expected=expected,
        usual=usual[months, :, calendar].T,
        predictors=np.stack(predictors, axis=-1),
        outcomes=np.where(early | np.isnan(expected), np.nan, outcomes),
    )


def _own(recent: Floats) -> list[Floats]:
    spans = [recent[:span].mean(axis=0) for span in (3, 6, LAGS)]
    return [*recent[:3], *spans, recent[0] - recent[3]]


def _around(recent: Floats) -> list[Floats]:
    """The mean of all series and of those that went most alike so far, and how they moved."""
    everywhere = np.broadcast_to(recent.mean(axis=1, keepdims=True), recent.shape)
    alike = everywhere
    if recent.shape[1] > 1:
        with np.errstate(invalid="ignore"):
            likeness = np.nan_to_num(np.corrcoef(recent[0][:, -SIMILAR_MONTHS:]))
        np.fill_diagonal(likeness, -np.inf)
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, : min(SIMILAR, len(likeness) - 1)]
        alike = recent[:2][:, nearest].mean(axis=2)
    return [everywhere[0], everywhere[0] - everywhere[2], alike[0], alike[0] - alike[1]]


def _weather(panel: Panel, calendar: Integers) -> list[Floats]:
    """How unusual the weather was this month, one and two, and three to five months ago."""
    result: list[Floats] = []
    for kind in panel.weather:
        unusual = departures(kind, seasons(kind, calendar), calendar, 6)
        result += [unusual[0], unusual[1:3].mean(axis=0), unusual[3:].mean(axis=0)]
    return result


def regressed(rows: Design) -> Floats:
    """The shared linear forecast from every month, by horizon: (horizon, series, months).

    One ridge regression a horizon of what comes, less its season, on the departures so far.
    """
    scale = rows.predictors.std(axis=(0, 1))
    scaled = rows.predictors / np.where(scale > 0, scale, 1)
    predictors = np.concatenate([np.ones((*scaled.shape[:2], 1)), scaled], axis=-1)
    penalty = np.diag(np.r_[1.0, np.full(scaled.shape[-1], RIDGE)])
    result = np.full(rows.expected.shape, np.nan)
    for expected, outcomes, learned, fitted in zip(rows.expected, rows.outcomes, rows.learned, result, strict=True):
        chosen = predictors[learned]
        weight = level_weight(expected[learned])
        weighted = chosen * weight[:, None]
        coefficients = np.linalg.solve(weighted.T @ chosen + penalty, weighted.T @ (outcomes - expected)[learned])
        fitted[:] = expected + predictors @ coefficients
    return result


def level_weight(expected: Floats) -> Floats:
    """Weights of rows by their level, one on average."""
    weight = np.exp(LEVEL_WEIGHT * expected)
    result: Floats = weight / weight.mean()
    return result


def spread(now: Floats, fitted: Floats, errors: Floats, series: Integers) -> Floats:
    """Quantiles (series, 99) around the forecasts `now` (series,): the errors that were made at a similar level.

    fitted, errors, series: the rows of the past, the last as numbers of series. The errors are stretched by how much
    larger the series' own errors are than those of the others at its level.
    """
    order = np.argsort(fitted, kind="stable")
    level, error, owner = fitted[order], errors[order], series[order]
    count = min(NEAREST, len(level))
    last = len(level) - count
    summed = np.cumsum(np.r_[0.0, np.abs(error)])
    window = np.clip(np.arange(len(level)) - count // 2, 0, last)
    usual = np.maximum((summed[window + count] - summed[window]) / count, 1e-9)
    own = np.bincount(owner, np.abs(error) / usual, len(now)) + OWN_SPREAD
    own /= np.bincount(owner, minlength=len(now)) + OWN_SPREAD
    start = np.clip(np.searchsorted(level, now) - count // 2, 0, last)
    near = (error / own[owner])[start[:, None] + np.arange(count)]
    result: Floats = now[:, None] + np.quantile(near, QUANTILES, axis=1).T * own[:, None]
    return result
