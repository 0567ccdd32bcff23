"""Hourly observations of the stations: air with its daily and yearly course and washed by rain, rainfall, rivers.

Made month by month from seeds of their own, so that a later generation holds the same past.
"""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator.bad_observations import plant_bad_observations, write_bad_observations
from simulator.stations import NAMES, PROPERTIES, Network, datastream_id, usual_level
from simulator.weather import monthly_weather

Hours = NDArray[np.datetime64[Any]]
Values = NDArray[np.float64]

DRIFT_STATION = 2  # its PM2.5 reads more from day to day until it is calibrated on 1 August (station 1 if alone)
DRIFT_PER_DAY = 0.0015
_EPOCH = np.datetime64("2020-01-01", "h")
# mean level, yearly swing (highest in January), morning and evening peak, share that heavy rain leaves
_AIR = {
    "PM2.5": (21.0, 0.40, 0.30, 0.40, 0.45),
    "PM10": (38.0, 0.38, 0.35, 0.40, 0.35),
    "O3": (48.0, 0.25, -0.20, -0.30, 0.85),
    "NO2": (17.0, 0.20, 0.60, 0.70, 0.80),
    "SO2": (7.0, 0.20, 0.15, 0.15, 0.70),
    "CO": (620.0, 0.20, 0.50, 0.55, 0.90),
}


def observations(network: Network, start: date, end: date, seed: int) -> pl.DataFrame:
    """Observations of start ≤ hour < end in local time, by result_at and id.

    Columns: id, datastream, phenomenon_at, minutes (length of the interval; 0: an instant, negative: it ends before
    it begins), result (in the Datastream's unit), text (instead of a result), result_at, corrected_at and
    corrected_result (null: never), bad (kind, null for good rows).
    """
    first = np.datetime64(start, "M") - 1  # what lasts for days is there from the start on
    hours = np.arange(first.astype("datetime64[h]"), np.datetime64(end, "h"))
    weather = monthly_weather(np.datetime64(end), seed)
    storms = {
        code: _storms(weather.filter(pl.col("old_province") == code), hours, int(code), seed)
        for code in network.stations["old_province"].unique().sort()
    }
    frames = []
    for thing, population, province in network.stations.select("thing", "population", "old_province").iter_rows():
        rain = storms[province] * np.exp(_noise(hours, seed, thing, 50, 0.4, 0.0) - 0.08)
        values = {"Lượng mưa": (rain / 0.2).round() * 0.2, "Mực nước": _river(rain, hours, seed, thing)}
        for name in _AIR:
            values[name] = _air(name, hours, rain, population, seed, thing)
        if thing == min(DRIFT_STATION, len(network.stations)):
            values["PM2.5"] = values["PM2.5"] * _drift(hours)
        delivered, lost = _deliveries(hours, seed, thing)
        frames += [
            _series(network, thing, index, hours, values[name], delivered, lost, seed)
            for index, name in enumerate(NAMES)
        ]
    good = pl.concat(frames).filter(pl.col("phenomenon_at") >= datetime(start.year, start.month, start.day))
    return plant_bad_observations(good.sort("result_at", "id"), seed).sort("result_at", "id")


def _months(hours: Hours) -> list[np.datetime64[Any]]:
    return list(np.unique(hours.astype("datetime64[M]")))


def _noise(hours: Hours, seed: int, thing: int, what: int, spread: float, memory: float) -> Values:
    """Anomalies of an hourly series, x[t] = memory · x[t-1] + noise."""
    drawn = np.concatenate(
        [
            np.random.default_rng([seed, 60, thing, what, int(m.astype(np.int64))]).normal(0, 1, _length(m))
            for m in _months(hours)
        ]
    )[: len(hours)]
    powers = memory ** np.arange(72)
    return np.convolve(drawn * spread * np.sqrt(1 - memory**2), powers)[: len(hours)]


def _length(month: np.datetime64[Any]) -> int:
    """Hours of a month."""
    return int(((month + 1).astype("datetime64[h]") - month.astype("datetime64[h]")).astype(np.int64))


def _storms(weather: pl.DataFrame, hours: Hours, code: int, seed: int) -> Values:
    """Rain (mm in the hour) over an old province, whose months have the mean that the weather gives them."""
    daily = {np.datetime64(month, "M"): rain for month, rain in weather.select("month", "rainfall_mm_per_day").rows()}
    parts = []
    for month in _months(hours):
        rng = np.random.default_rng([seed, 61, code, int(month.astype(np.int64))])
        days = _length(month) // 24
        wet = rng.random(days) < min(0.06 + 0.085 * daily[month], 0.9)
        wet[rng.integers(days)] = True
        begins = np.clip(rng.normal(15, 3, days), 0, 20).astype(np.int64)
        lasts = rng.integers(1, 5, days)
        amount = rng.gamma(0.8, 1, days) * wet / lasts
        hour = np.arange(24)[None, :]
        falls = (hour >= begins[:, None]) & (hour < (begins + lasts)[:, None])
        rain = (falls * amount[:, None]).ravel()
        parts.append(rain * daily[month] * days / rain.sum())
    return np.concatenate(parts)[: len(hours)]


def _after(rain: Values, hours: int) -> Values:
    """What is left of the rain of the hours before, fading over so many hours."""
    fading = np.exp(-np.arange(5 * hours) / hours)
    return np.convolve(rain, fading)[: len(rain)]


def _river(rain: Values, hours: Hours, seed: int, thing: int) -> Values:
    return usual_level(thing) + 1.6 * _after(rain, 48) + 6 * _noise(hours, seed, thing, 51, 0.5, 0.95)


def _air(name: str, hours: Hours, rain: Values, population: int, seed: int, thing: int) -> Values:
    """µg/m³: the more people the more, cleaner after rain; ozone is made by the sun in the afternoon."""
    mean, swing, morning, evening, left = _AIR[name]
    day = (hours.astype("datetime64[D]") - hours.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    hour = (hours - hours.astype("datetime64[D]")).astype(np.int64)
    level = mean * (population / 30_000) ** 0.2 * (1 + swing * np.cos(2 * np.pi * (day - 15) / 365.25))
    level = level * (1 + morning * np.exp(-(((hour - 7) / 2) ** 2)) + evening * np.exp(-(((hour - 19) / 2.5) ** 2)))
    if name == "O3":
        level = level * (1 + 0.7 * np.exp(-(((hour - 14) / 3) ** 2)))
    weekend = ~np.is_busday(hours.astype("datetime64[D]"))
    washed = left + (1 - left) * np.exp(-_after(rain, 6) / 4)
    shared = _noise(hours, seed, thing, 52, 0.25, 0.93)  # still air lets all of them rise
    own = _noise(hours, seed, thing, NAMES.index(name), 0.18, 0.6)
    return np.maximum(level * np.where(weekend, 0.93, 1.0) * washed * np.exp(shared + own), 0.1)


def _drift(hours: Hours) -> Values:
    months = hours.astype("datetime64[M]")
    years = months.astype("datetime64[Y]").astype("datetime64[M]")
    august = np.where(months - years >= np.timedelta64(7, "M"), years + 7, years - 5)
    days = (hours.astype("datetime64[D]") - august.astype("datetime64[D]")).astype(np.int64)
    return 1 + DRIFT_PER_DAY * days


def _deliveries(hours: Hours, seed: int, thing: int) -> tuple[Hours, NDArray[np.bool_]]:
    """When each hour's results of a station arrive, and whether they never do.

    Most come minutes after the hour. While the line is cut they are kept and come together afterwards; while the
    power is cut there are none.
    """
    delivered = hours.astype("datetime64[s]") + np.timedelta64(3600, "s")
    lost = np.zeros(len(hours), dtype=bool)
    seconds = []
    for month in _months(hours):
        rng = np.random.default_rng([seed, 62, thing, int(month.astype(np.int64))])
        seconds.append(rng.integers(90, 540, _length(month)))
        begin = (month.astype("datetime64[h]") - hours[0]).astype(np.int64)
        for _ in range(int(rng.poisson(1.3))):
            place = int(begin + rng.integers(_length(month)))
            long = rng.random() < 0.1
            lasts = int(rng.integers(48, 200) if long else rng.integers(2, 30))
            kept = rng.random() < 0.6
            cut = slice(place, place + lasts)
            if kept:
                again = month.astype("datetime64[s]") + np.timedelta64((place - int(begin) + lasts + 1) * 3600, "s")
                delivered[cut] = np.maximum(delivered[cut], again)
            else:
                lost[cut] = True
    return delivered + np.concatenate(seconds)[: len(hours)].astype("timedelta64[s]"), lost


def _series(
    network: Network,
    thing: int,
    index: int,
    hours: Hours,
    values: Values,
    delivered: Hours,
    lost: NDArray[np.bool_],
    seed: int,
) -> pl.DataFrame:
    """One Datastream: in its unit, with gaps, some values corrected by people within three weeks."""
    identity = datastream_id(thing, index)
    unit = network.units[identity]
    draws = [
        np.random.default_rng([seed, 63, identity, int(m.astype(np.int64))]).random((4, _length(m)))
        for m in _months(hours)
    ]
    gap, corrected, when, how = np.concatenate(draws, axis=1)[:, : len(hours)]
    frame = pl.DataFrame(
        {
            "id": identity * 1_000_000 + (hours - _EPOCH).astype(np.int64),
            "datastream": np.full(len(hours), identity),
            "phenomenon_at": hours.astype("datetime64[us]"),
            "minutes": np.full(len(hours), 0 if PROPERTIES[index].instant else 60),
            "result": (values * unit.factor).round(unit.decimals),
            "result_at": delivered.astype("datetime64[us]"),
            "corrected_at": (delivered + (86_400 * (1 + 20 * when)).astype("timedelta64[s]")).astype("datetime64[us]"),
            "corrected_result": (values * unit.factor * (0.8 + 0.4 * how)).round(unit.decimals),
        }
    )
    to_correct = pl.Series(corrected < 0.004)
    return frame.with_columns(
        pl.when(to_correct).then(name).alias(name) for name in ("corrected_at", "corrected_result")
    ).filter(~pl.Series(lost | (gap < 0.003)))


def state_at(made: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Observations as they are known at a local moment: what has arrived, with the newest result, by no order."""
    corrected = pl.col("corrected_at") <= now
    return (
        made.lazy()
        .filter(pl.col("result_at") <= now)
        .with_columns(
            result=pl.when(corrected).then("corrected_result").otherwise("result"),
            result_at=pl.when(corrected).then("corrected_at").otherwise("result_at"),
        )
        .drop("corrected_at", "corrected_result")
        .collect()
    )


def open_observations(home: Path, fingerprint: str, network: Network, start: date, seed: int) -> pl.DataFrame:
    """The observations that belong to a generation of the world, made unless they are kept beside it."""
    folder = home / "generated" / fingerprint
    kept = folder / "observations.parquet"
    if not kept.exists():
        anchor = date.fromisoformat(fingerprint.partition("-")[2])
        end = date(anchor.year + (anchor.month + 4) // 12, (anchor.month + 4) % 12 + 1, 1)  # as far as the world goes
        half = kept.with_suffix(".tmp")
        observations(network, start, end, seed).write_parquet(half)
        half.replace(kept)
    made = pl.read_parquet(kept)
    write_bad_observations(home / "truth", network, made)
    _write_drift(home / "truth", network)
    return made


def _write_drift(folder: Path, network: Network) -> None:
    thing = min(DRIFT_STATION, len(network.stations))
    facts = {
        "drift": {
            "datastream": datastream_id(thing, 0),
            "commune_code": network.stations["code"][thing - 1],
            "per_day": DRIFT_PER_DAY,
            "calibrated": "08-01",
        }
    }
    (folder / "sensors.json").write_text(json.dumps(facts), encoding="utf-8")
