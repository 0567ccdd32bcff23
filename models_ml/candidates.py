"""The candidate models: each takes a panel up to the origin and gives quantiles of the months after it.

Result: (series, horizon, 99) in cases, ≥ 0 and not falling over the quantiles.
"""

import logging
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import norm

from models_ml.panel import QUANTILES, Panel

Candidate = Callable[[Panel, int], np.ndarray]
SEASON = 12
FEWEST_MONTHS = 36  # a model of a season needs three of them


def climatology(panel: Panel, horizon: int) -> np.ndarray:
    """Quantiles of the same calendar month in all former years; of all months where there are none."""
    result = np.empty((len(panel.units), horizon, len(QUANTILES)))
    calendar = panel.months.astype(int) % SEASON
    for step in range(1, horizon + 1):
        same = panel.cases[:, calendar == (panel.months[-1].astype(int) + step) % SEASON]
        rows = [own[~np.isnan(own)] for own in same]
        for number, own in enumerate(rows):
            past = own if len(own) >= 2 else panel.cases[number][~np.isnan(panel.cases[number])]
            result[number, step - 1] = np.quantile(past, QUANTILES)
    return result


def seasonal_naive(panel: Panel, horizon: int) -> np.ndarray:
    """The same month a year ago, spread by the year-on-year changes of the past on the log scale."""
    logs = np.log1p(_filled(panel.cases))
    result = np.empty((len(panel.units), horizon, len(QUANTILES)))
    changes = logs[:, SEASON:] - logs[:, :-SEASON] if logs.shape[1] > SEASON else np.zeros((len(logs), 1))
    spread = np.quantile(changes, QUANTILES, axis=1).T
    for step in range(horizon):
        back = logs.shape[1] - SEASON + step
        base = logs[:, back] if back >= 0 else logs[:, -1]
        result[:, step] = base[:, None] + spread - np.median(changes, axis=1)[:, None]
    return _cases(result)


def auto_ets(panel: Panel, horizon: int) -> np.ndarray:
    """statsforecast's AutoETS with a season of twelve months on log(1 + cases)."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS, SeasonalNaive

    result = climatology(panel, horizon)
    modelled = _modelled(panel)
    if not modelled.any():
        return result
    logs = np.log1p(_filled(panel.cases))[modelled]
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(logs)), logs.shape[1]),
            "ds": np.tile(panel.months.astype("datetime64[ns]"), len(logs)),
            "y": logs.ravel(),
        }
    )
    engine = StatsForecast(
        models=[AutoETS(season_length=SEASON)], freq="MS", n_jobs=1, fallback_model=SeasonalNaive(SEASON)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = engine.forecast(df=frame, h=horizon, level=[80])
    mean = answer["AutoETS"].to_numpy().reshape(len(logs), horizon)
    upper = answer["AutoETS-hi-80"].to_numpy().reshape(len(logs), horizon)
    result[modelled] = _cases(_normal(mean, upper - mean, logs))
    return result


def prophet(panel: Panel, horizon: int) -> np.ndarray:
    """Prophet with a yearly season on log(1 + cases), series by series."""
    from prophet import Prophet

    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    logging.getLogger("prophet").setLevel(logging.ERROR)
    result = climatology(panel, horizon)
    modelled = _modelled(panel)
    logs = np.log1p(panel.cases)
    future = pd.DataFrame({"ds": (panel.months[-1] + np.arange(1, horizon + 1)).astype("datetime64[ns]")})
    for number in np.flatnonzero(modelled):
        frame = pd.DataFrame({"ds": panel.months.astype("datetime64[ns]"), "y": logs[number]}).dropna()
        model = Prophet(
            yearly_seasonality=5,
            weekly_seasonality=False,
            daily_seasonality=False,
            interval_width=0.8,
            uncertainty_samples=200,
        )
        np.random.seed(0)  # Prophet draws its intervals from the global generator
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = model.fit(frame).predict(future)
        mean = answer["yhat"].to_numpy()[None]
        half = (answer["yhat_upper"] - answer["yhat_lower"]).to_numpy()[None] / 2
        result[number] = _cases(_normal(mean, half, logs[number][None]))[0]
    return result


CANDIDATES: dict[str, Candidate] = {
    "climatology": climatology,
    "seasonal_naive": seasonal_naive,
    "auto_ets": auto_ets,
    "prophet": prophet,
}


def _modelled(panel: Panel) -> np.ndarray:
    """Which series a model can learn from: long enough and not constant. The others keep their climatology."""
    return (np.sum(~np.isnan(panel.cases), axis=1) >= FEWEST_MONTHS) & (np.nanstd(panel.cases, axis=1) > 0)


def _filled(cases: np.ndarray) -> np.ndarray:
    """Months that were not reported, by a line on the log scale between their neighbours."""
    logs = pd.DataFrame(np.log1p(cases).T)
    return np.expm1(logs.interpolate(limit_direction="both").to_numpy().T)


def _normal(mean: np.ndarray, half80: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Quantiles of a normal on the log scale from its mean and half 80 % interval, at most twice the largest seen."""
    sd = np.maximum(half80, 1e-6) / norm.ppf(0.9)
    ceiling = np.nanmax(logs, axis=1)[:, None, None] + np.log(2)
    return np.minimum(mean[..., None] + sd[..., None] * norm.ppf(QUANTILES), ceiling)


def _cases(log_quantiles: np.ndarray) -> np.ndarray:
    return np.sort(np.maximum(np.expm1(log_quantiles), 0), axis=-1)
