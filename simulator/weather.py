"""Monthly weather of the three old provinces since 2010, which dengue follows at a distance of two months."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

FIRST_MONTH = np.datetime64("2010-01", "M")
# Mean daily rain (mm) by calendar month, yearly mean temperature and its swing (°C): uplands, plateau, dry coast.
_RAIN = {
    "68": [0.6, 1.1, 2.6, 5.4, 7.3, 6.9, 8.2, 8.9, 10.1, 8.3, 3.6, 1.2],
    "67": [0.3, 0.7, 2.2, 5.6, 8.7, 9.6, 10.5, 12.6, 12.4, 8.1, 3.2, 0.8],
    "60": [0.1, 0.1, 0.4, 1.8, 5.2, 5.9, 6.6, 6.4, 7.3, 6.0, 2.4, 0.7],
}
_TEMPERATURE = {"68": (20.4, 1.7), "67": (23.6, 1.9), "60": (26.9, 1.8)}


def monthly_weather(last: np.datetime64[Any], seed: int) -> pl.DataFrame:
    """Columns old_province, month (first day), rainfall_mm_per_day, temperature_c, humidity_pct, wetness (log)."""
    months = np.arange(FIRST_MONTH, last.astype("datetime64[M]") + 1)
    return pl.concat([_of_province(code, months, seed) for code in _RAIN])


def _of_province(code: str, months: NDArray[np.datetime64[Any]], seed: int) -> pl.DataFrame:
    calendar_month = months.astype(np.int64) % 12
    wetness = _persistent(np.random.default_rng([seed, 10, int(code)]), len(months), 0.55, 0.28)
    warmth = _persistent(np.random.default_rng([seed, 11, int(code)]), len(months), 0.6, 0.45)
    mean, swing = _TEMPERATURE[code]
    rain = np.array(_RAIN[code])[calendar_month] * np.exp(wetness)
    temperature = mean + swing * np.cos(2 * np.pi * (calendar_month - 4) / 12) + warmth
    return pl.DataFrame(
        {
            "old_province": pl.repeat(code, len(months), eager=True),
            "month": months.astype("datetime64[D]"),
            "rainfall_mm_per_day": rain.round(3),
            "temperature_c": temperature.round(2),
            "humidity_pct": np.clip(70 + 1.6 * rain + 4 * wetness, 55, 96).round(1),
            "wetness": wetness,
        }
    )


def _persistent(rng: np.random.Generator, size: int, memory: float, spread: float) -> NDArray[np.float64]:
    """Anomalies that last: x[t] = memory · x[t-1] + noise."""
    noise = rng.normal(0, spread * np.sqrt(1 - memory**2), size)
    powers = memory ** np.arange(36)
    return np.convolve(noise, powers)[:size]
