"""Daily counts up to two weeks ahead, by candidates that know the days off.

Each takes the values known at an origin, (series, days), and the days of these and of the HORIZON after it, and answers
quantiles (series, HORIZON, 99), NaN for a series that it cannot learn from; `predict` lets climatology stand in there.

| candidate | expects |
|---|---|
| climatology | what the last 52 days of the same kind had |
| seasonal_naive | the last day of the same kind, as far off as such days were |
| mstl | decomposition into a weekly and, from three years on, a yearly season and a drifting level |

A day's kind is its weekday; public holidays (Tết among them) are as Sundays, weekend days that are worked in exchange
as Fridays.
"""

import warnings
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.stats import norm

from models_ml.candidates import from_normal
from models_ml.panel import QUANTILES, Flags, Floats, Integers

Days = NDArray[np.datetime64]  # of [D]
Candidate = Callable[[Floats, Days], Floats]
HORIZON = 14
WEEK, YEAR = 7, 365
FRIDAY, SUNDAY = 4, 6
LATEST = 52  # days of one kind that the simple rules look at
FEWEST_DAYS = 12 * WEEK  # known, from which a decomposition learns
FEWEST_YEARS, MOST_YEARS = 3, 6  # from which it learns a yearly season; that it looks back
LATE_WEEKS = 8  # that a gap is filled from
UPPER = 80  # percent of the interval that the fits are asked for


def kinds(days: Days) -> Integers:
    """0 (Monday) to 6 (Sunday): how each day is worked."""
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    off, worked = _public_holidays(int(years[0]), int(years[-1]))
    return np.where(np.isin(days, worked), FRIDAY, np.where(np.isin(days, off), SUNDAY, weekdays(days)))


def weekdays(days: Days) -> Integers:
    """0 (Monday) to 6 (Sunday)."""
    weekday: Integers = (days.astype(np.int64) + 3) % WEEK  # 1970-01-01 was a Thursday
    return weekday


@cache
def _public_holidays(first: int, last: int) -> tuple[Days, Days]:
    """Of these years: public holidays of Việt Nam, and days of a weekend that were worked in exchange."""
    import holidays

    calendar = holidays.country_holidays("VN", years=range(first, last + 1))
    off, worked = (np.array(sorted(days), dtype="datetime64[D]") for days in (calendar, calendar.weekend_workdays))
    return off, worked


def climatology(values: Floats, days: Days) -> Floats:
    """Quantiles of the last 52 days of the same kind; of all days where none of the kind is known."""
    known, coming = _split(days)
    result = _quantiles(values)[:, None].repeat(HORIZON, axis=1)
    for kind in np.unique(coming):
        usual = _quantiles(values[:, np.flatnonzero(known == kind)[-LATEST:]])[:, None]
        result[:, coming == kind] = np.where(np.isnan(usual), result[:, coming == kind], usual)
    return result


def seasonal_naive(values: Floats, days: Days) -> Floats:
    """The last day of the same kind, spread by how far such days of the last year were from each other."""
    known, coming = _split(days)
    result = np.full((len(values), HORIZON, len(QUANTILES)), np.nan)
    for kind in np.unique(coming):
        seen = values[:, known == kind]
        if seen.shape[1] < 3:
            continue
        last = pd.DataFrame(seen.T).ffill().to_numpy()[-1][:, None]
        for apart, step in enumerate(np.flatnonzero(coming == kind), 1):  # the first such day to come, the second, …
            change = _quantiles((seen[:, apart:] - seen[:, :-apart])[:, -LATEST:])
            result[:, step] = last + change - change[:, [len(QUANTILES) // 2]]
    return result


def mstl(values: Floats, days: Days) -> Floats:
    """MSTL (Bandara, Hyndman and Bergmeir 2021, arXiv 2107.13462) of statsforecast on log(1 + value).

    Its level goes on by simple exponential smoothing, which drifts and has no trend that could run away. Its errors are
    taken as normal, as wide on each weekday as they were there: a Sunday's few are surer or less sure than a Monday's
    many. Days that are not worked as their weekday is teach nothing and are told by climatology.
    """
    result = np.full((len(values), HORIZON, len(QUANTILES)), np.nan)
    able = np.flatnonzero(learnable(values))
    if not len(able):
        return result
    from statsforecast.models import MSTL, AutoETS  # slow to import, and of a short past not needed

    values, days = values[:, -MOST_YEARS * YEAR :], days[-MOST_YEARS * YEAR - HORIZON :]
    odd = kinds(days) != weekdays(days)
    before = values.shape[1] % WEEK  # days before the first whole week
    logs = _without_gaps(np.log1p(np.where(odd[:-HORIZON], np.nan, values))[:, before:])
    seasons = [WEEK, YEAR] if logs.shape[1] >= FEWEST_YEARS * YEAR else [WEEK]
    model = MSTL(seasons, trend_forecaster=AutoETS(model="ANN"))
    for number in able[~np.isnan(logs[able]).any(axis=1)]:  # of a weekday that was never known it would know nothing
        told = model.forecast(logs[number], HORIZON, level=[UPPER], fitted=True)
        errors = (logs[number] - told["fitted"]).reshape(-1, WEEK)[-LATEST:]
        usual = np.sqrt((errors**2).mean(axis=0) / max((errors**2).mean(), 1e-12))  # by weekday, about 1
        spread = (told[f"hi-{UPPER}"] - told["mean"]) / norm.ppf(0.5 + UPPER / 200) * np.tile(usual, HORIZON // WEEK)
        result[number] = from_normal(told["mean"][None], spread[None], logs[[number]])[0]
    result[:, odd[-HORIZON:]] = climatology(values, days)[:, odd[-HORIZON:]]
    return result


CANDIDATES: dict[str, Candidate] = {"climatology": climatology, "seasonal_naive": seasonal_naive, "mstl": mstl}


def predict(candidate: Candidate, values: Floats, days: Days) -> tuple[Floats, Flags]:
    """Quantiles (series, HORIZON, 99), ≥ 0 and not falling, and for which series the candidate made them.

    The others are climatology's; NaN only for a series without any value so far. Raises whatever the candidate does.
    """
    answer = candidate(values, days)
    own: Flags = np.all(np.isfinite(answer), axis=(1, 2))
    filled = np.where(own[:, None, None], answer, climatology(values, days))
    return np.sort(np.maximum(filled, 0), axis=-1), own


def learnable(values: Floats) -> Flags:
    """Which series a decomposition can learn from: twelve weeks known, at least half of all days, not constant."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    low, high = np.where(known, values, np.inf).min(axis=1), np.where(known, values, -np.inf).max(axis=1)
    able: Flags = (count >= FEWEST_DAYS) & (2 * count >= values.shape[1]) & (high > low)
    return able


def _split(days: Days) -> tuple[Integers, Integers]:
    """Kinds of the days known and of those to come."""
    kind = kinds(days)
    return kind[:-HORIZON], kind[-HORIZON:]


def _without_gaps(logs: Floats) -> Floats:
    """Gaps as the median of their weekday in the eight weeks before, of the first weeks as in all; of whole weeks.

    The one week before would carry the rush of errands before Tết over its days off into the weeks after it.
    """
    weeks = logs.reshape(len(logs), -1, WEEK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NaN of a weekday that was never known
        usual = np.nanmedian(weeks, axis=1, keepdims=True)
        late = np.nanmedian(sliding_window_view(weeks, LATE_WEEKS + 1, axis=1)[..., :-1], axis=-1)
    late = np.concatenate([np.full_like(weeks[:, :LATE_WEEKS], np.nan), late], axis=1)
    filled: Floats = np.where(np.isnan(weeks), np.where(np.isnan(late), usual, late), weeks).reshape(logs.shape)
    return filled


def _quantiles(values: Floats) -> Floats:
    """(series, 99), NaN where nothing is known."""
    if not values.shape[1]:
        return np.full((len(values), len(QUANTILES)), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NaN is the answer that is meant
        told: Floats = np.nanquantile(values, QUANTILES, axis=1).T
    return told
