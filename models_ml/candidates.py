"""The candidate models: each takes what was known at the origin and gives quantiles of the months after it.

A candidate answers (series, horizon, 99) in cases, NaN for a series it cannot learn from; `predict` checks the answer
and lets climatology stand in there.
"""

import logging
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from models_ml.anomalies import SEASON
from models_ml.panel import QUANTILES, Flags, Floats, Integers, Panel
from models_ml.pooled import anomaly_regression, gradient_boosting
from models_ml.small_counts import poisson_gamma

Candidate = Callable[[Panel, int], Floats]
BASELINE = "climatology"
BASELINES = (BASELINE, "seasonal_naive")  # the simple rules that a model must beat
FEWEST_YEARS = 5  # of a calendar month, for their quantiles to tell how sure one is
FEWEST_MONTHS = 36  # reported months from which a seasonal model learns
NORMAL: Floats = norm.ppf(QUANTILES)


def predict(candidate: Candidate, panel: Panel, horizon: int) -> tuple[Floats, Flags]:
    """Quantiles (series, horizon, 99) in cases, ≥ 0 and not falling, and for which series the candidate made them.

    The others are climatology's; NaN only for a series without any report so far. Raises ValueError for an answer
    that is no distribution, and whatever the candidate raises.
    """
    answer = np.asarray(candidate(panel, horizon), dtype=np.float64)
    shape = (len(panel.units), horizon, len(QUANTILES))
    if answer.shape != shape:
        raise ValueError(f"quantiles of shape {answer.shape} instead of {shape}")
    own: Flags = np.all(~np.isnan(answer), axis=(1, 2))
    if np.isinf(answer[own]).any():
        raise ValueError("infinite quantiles")
    filled = np.where(own[:, None, None], answer, climatology(panel, horizon))
    return np.sort(np.maximum(filled, 0), axis=-1), own


def climatology(panel: Panel, horizon: int) -> Floats:
    """Quantiles of the same calendar month in all former years.

    Of fewer than FEWEST_YEARS they would be surer than they can be: then the mean of those years on the scale
    log(1 + cases), spread as the years of all calendar months are; without two years of any month, all months.
    """
    result = np.full((len(panel.units), horizon, len(QUANTILES)), np.nan)
    calendar = panel.months.astype(np.int64) % SEASON
    years, mean, spread = _years(np.log1p(panel.cases), calendar)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a series without any report gives NaN, as documented
        for step, month in enumerate(panel.coming(horizon).astype(np.int64) % SEASON):
            known = years[:, month]
            few = known < FEWEST_YEARS
            if (~few).any():
                result[~few, step] = np.nanquantile(panel.cases[~few][:, calendar == month], QUANTILES, axis=1).T
            if few.any():
                one_more = np.sqrt(1 + 1 / known[few])[:, None]  # the mean of few years is off, too
                told = _cases(mean[few, month, None] + spread[few] * one_more)
                any_month = np.nanquantile(panel.cases[few], QUANTILES, axis=1).T
                result[few, step] = np.where(np.isnan(told), any_month, told)
    return result


def _years(logs: Floats, calendar: Integers) -> tuple[Floats, Floats, Floats]:
    """Of each series: years known and their mean by calendar month (series, 12), and quantiles (series, 99) of how far
    a year is from that mean, of all calendar months with two years.
    """
    month = (calendar[:, None] == np.arange(SEASON)).astype(np.float64)
    years = (~np.isnan(logs)).astype(np.float64) @ month
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NaN without two years of any month
        mean = np.nan_to_num(logs) @ month / years
        widened = np.where(years > 1, np.sqrt(years / (years - 1)), np.nan)  # the mean is drawn to its own years
        away = (logs - mean[:, calendar]) * widened[:, calendar]
        return years, mean, np.nanquantile(away, QUANTILES, axis=1).T


def seasonal_naive(panel: Panel, horizon: int) -> Floats:
    """The same month a year ago, spread by the year-on-year changes of the past on the log scale."""
    result = np.full((len(panel.units), horizon, len(QUANTILES)), np.nan)
    able = panel.known.sum(axis=1) >= 2 * SEASON
    if not able.any():
        return result
    logs = _without_gaps(np.log1p(panel.cases[able]))
    changes = logs[:, SEASON:] - logs[:, :-SEASON]
    spread = (np.nanquantile(changes, QUANTILES, axis=1) - np.nanmedian(changes, axis=1)).T
    result[able] = _cases(logs[:, -SEASON:][:, :horizon, None] + spread[:, None])
    return result


def auto_ets(panel: Panel, horizon: int) -> Floats:
    """AutoETS with a season of twelve months on log(1 + cases)."""
    return _one_by_one(panel, horizon, "AutoETS")


def auto_arima(panel: Panel, horizon: int) -> Floats:
    """AutoARIMA with a season of twelve months on log(1 + cases), of low orders: months have no more to tell."""
    return _one_by_one(panel, horizon, "AutoARIMA", approximation=True, max_p=2, max_q=2, max_P=1, max_Q=1)


def auto_theta(panel: Panel, horizon: int) -> Floats:
    """AutoTheta with a season of twelve months on log(1 + cases); its trend ends at twice the most ever seen."""
    return _one_by_one(panel, horizon, "AutoTheta")


def _one_by_one(panel: Panel, horizon: int, name: str, **options: float) -> Floats:
    """A model of statsforecast fitted to log(1 + cases) of each series that it can learn from, its errors as normal."""
    result = np.full((len(panel.units), horizon, len(QUANTILES)), np.nan)
    able = learnable(panel)
    if not able.any():
        return result
    from statsforecast import StatsForecast, models  # slow to import, and of a short past not needed

    model = getattr(models, name)(season_length=SEASON, **options)
    logs = np.log1p(panel.cases[able])
    late = np.argmax(~np.isnan(logs[:, ::-1]), axis=1)  # months since the last report: forecast as well
    steps = horizon + int(late.max())
    training = _without_gaps(logs)
    reported = np.arange(logs.shape[1]) < logs.shape[1] - late[:, None]
    series, month = np.nonzero(reported & ~np.isnan(training))
    dates = panel.months.astype("datetime64[ns]")[month]
    frame = pd.DataFrame({"unique_id": series, "ds": dates, "y": training[series, month]})
    engine = StatsForecast(models=[model], freq="MS", n_jobs=1, fallback_model=models.SeasonalNaive(SEASON))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = engine.forecast(df=frame, h=steps, level=[80])
    wanted = late[:, None] + np.arange(horizon)
    mean, upper = (
        np.take_along_axis(answer[f"{name}{bound}"].to_numpy().reshape(-1, steps), wanted, axis=1)
        for bound in ("", "-hi-80")
    )
    result[able] = from_normal(mean, (upper - mean) / norm.ppf(0.9), logs)
    return result


def prophet(panel: Panel, horizon: int) -> Floats:
    """Prophet with a yearly season on log(1 + cases), one fit a series, and its last residual fading month by month."""
    return _prophet(panel, horizon)


def prophet_holidays(panel: Panel, horizon: int) -> Floats:
    """`prophet`, told how many working days public holidays take from each month: Tết comes in January or February."""
    months = np.concatenate([panel.months, panel.coming(horizon)])
    return _prophet(panel, horizon, lost_working_days(months))


def lost_working_days(months: NDArray[np.datetime64]) -> Floats:
    """How many days from Monday to Friday are public holidays of Việt Nam in each of the months (of [M])."""
    import holidays

    years = np.unique(months.astype("datetime64[Y]").astype(np.int64)) + 1970
    days = np.array(list(holidays.country_holidays("VN", years=years.tolist())), dtype="datetime64[D]")
    worked = days[np.is_busday(days)].astype("datetime64[M]")
    return (worked[:, None] == months).sum(axis=0).astype(np.float64)


def _prophet(panel: Panel, horizon: int, regressor: Floats | None = None) -> Floats:
    """regressor: one value a month of the panel and of the horizon.

    Without the residual an epidemic under way is forgotten: the trend is too stiff for it, and looser ones overfit.
    The spread is the fit's own noise, taken as normal: the trend's part is small over a quarter, and without draws
    the figures are the same every time.
    """
    result = np.full((len(panel.units), horizon, len(QUANTILES)), np.nan)
    able = np.flatnonzero(learnable(panel))
    if not len(able):
        return result
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)  # it complains of an optional plotting library
    logging.getLogger("prophet").setLevel(logging.ERROR)
    logging.getLogger("cmdstanpy").disabled = True  # its level is reset at every fit
    from prophet import Prophet

    logs = np.log1p(panel.cases)
    dates = np.concatenate([panel.months, panel.coming(horizon)]).astype("datetime64[ns]")
    every = pd.DataFrame({"ds": dates} if regressor is None else {"ds": dates, "regressor": regressor})
    for number in able:
        frame = every[:-horizon].assign(y=logs[number]).dropna()
        model = Prophet(
            yearly_seasonality=3,  # twelve points a year carry no more
            weekly_seasonality=False,
            daily_seasonality=False,
            changepoint_range=0.9,
            uncertainty_samples=0,
        )
        if regressor is not None:
            model.add_regressor("regressor")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = model.fit(frame).predict(every)["yhat"].to_numpy()
            residuals = (logs[number] - fitted[:-horizon])[panel.known[number]]
            memory = np.nan_to_num(np.corrcoef(residuals[1:], residuals[:-1])[0, 1])  # 0 where the fit is perfect
        late = int(np.argmax(panel.known[number][::-1]))  # months since the last report
        fading = np.clip(memory, 0, 0.95) ** (late + np.arange(1, horizon + 1))
        mean = fitted[-horizon:] + residuals[-1] * fading
        noise = float(np.ravel(model.params["sigma_obs"])[0]) * float(model.y_scale or 1)
        result[number] = from_normal(mean[None], np.full((1, horizon), noise), logs[number][None])[0]
    return result


CANDIDATES: dict[str, Candidate] = {
    BASELINE: climatology,
    "seasonal_naive": seasonal_naive,
    "poisson_gamma": poisson_gamma,
    "anomaly_regression": anomaly_regression,
    "auto_ets": auto_ets,
    "auto_arima": auto_arima,
    "auto_theta": auto_theta,
    "prophet": prophet,
    "prophet_holidays": prophet_holidays,
    "gradient_boosting": gradient_boosting,
}
POOLED = frozenset({"poisson_gamma", "anomaly_regression", "gradient_boosting"})  # learn from all series together


def learnable(panel: Panel) -> Flags:
    """Which series a seasonal model can learn from: three years reported, at least half of the span, not constant."""
    known = panel.known
    reported = known.sum(axis=1)
    span = known.shape[1] - np.argmax(known[:, ::-1], axis=1) - np.argmax(known, axis=1)
    low = np.where(known, panel.cases, np.inf).min(axis=1)
    high = np.where(known, panel.cases, -np.inf).max(axis=1)
    able: Flags = (reported >= FEWEST_MONTHS) & (2 * reported >= span) & (high > low)
    return able


def _without_gaps(logs: Floats) -> Floats:
    """Gaps filled by a line between their neighbours, after the last report by that; NaN before the first."""
    filled: Floats = pd.DataFrame(logs.T).interpolate(limit_direction="forward").to_numpy().T
    return filled


def from_normal(mean: Floats, spread: Floats, logs: Floats) -> Floats:
    """Quantiles in cases of normals on the log scale, cut at twice the most ever seen: exp() punishes wild trends."""
    ceiling = np.nanmax(logs, axis=1)[:, None, None] + np.log(2)
    return _cases(np.minimum(mean[..., None] + np.maximum(spread, 1e-6)[..., None] * NORMAL, ceiling))


def _cases(log_quantiles: Floats) -> Floats:
    return np.maximum(np.expm1(log_quantiles), 0)
