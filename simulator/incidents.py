"""The police's register of incidents, with a hot-spot planted in every quarter."""

from datetime import date

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator import office_calendar as calendar
from simulator.arrivals import arrivals, micro, months_between, places, with_serials
from simulator.episodes import plan_episodes, touching

INCIDENTS_A_DAY = 25.0
HOT_SPOT_DAYS, HOT_SPOT_RADIUS_KM = 42, 0.6
_KINDS = ["traffic_accident", "theft", "public_disorder", "fraud", "fire", "drugs", "domestic_violence", "other"]
_SHARE = np.array([24, 22, 16, 12, 5, 7, 6, 8])
_STATES = ["received", "verifying", "resolved", "transferred"]
KM_A_DEGREE = 111.2

MISTAKES = [
    bad.missing("loai_vu_viec"),
    bad.outlier("vi_do", 91.5),
    bad.duplicate("ma_vu_viec"),
    bad.misspelt("so_thu_ly"),
    bad.unknown_commune("ma_xa"),
    bad.Mistake("cross_field", "ket_thuc_luc", pl.col("xay_ra_luc") - pl.duration(days=2)),
    bad.long_ago("xay_ra_luc"),
    bad.other_name("ten_xa"),
]


def plan_hot_spots(units: pl.DataFrame, start: date, end: date, seed: int) -> pl.DataFrame:
    """The planted hot-spots: episodes and their centre, latitude and longitude."""
    episodes = plan_episodes(units, start, end, [seed, 76], 3, HOT_SPOT_DAYS)
    where = units.select("latitude", "longitude")[episodes["unit"].to_list()]
    return pl.concat([episodes, where], how="horizontal")


def generate_incidents(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Incidents with time, place and state, as recorded, verified and closed; all versions.

    `_hot_spot` names the episode of a planted incident.
    """
    hot_spots = plan_hot_spots(units, start, end, seed)
    frames = [_month(units, month, touching(hot_spots, month), seed, scale) for month in months_between(start, end)]
    return bad.plant(pl.concat(frames), "ma_vu_viec", "cap_nhat_luc", "ma_xa", MISTAKES, seed, 5)


def _month(units: pl.DataFrame, month: date, hot_spots: pl.DataFrame, seed: int, scale: float) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 77, month.year, month.month])
    unit, day = arrivals(rng, units, month, INCIDENTS_A_DAY * scale, 1.15)
    n = len(unit)
    hot_unit, hot_day, hot_name = _planted(rng, hot_spots)
    unit, day = np.concatenate([unit, hot_unit]), np.concatenate([day, hot_day])
    hot = np.arange(len(unit)) >= n
    total = len(unit)
    # ordinary ones happen around two or three centres of a commune, those of a hot-spot around one street
    centres = np.random.default_rng([seed, 77]).normal(0, 1, (len(units), 3, 2))
    reach = np.sqrt(units["area_km2"].to_numpy())[unit] * 0.25
    offset = centres[unit, rng.integers(0, 3, total)] * reach[:, None] + rng.normal(0, 0.6, (total, 2))
    spot = rng.normal(0, HOT_SPOT_RADIUS_KM / 2, (total, 2))
    offset = np.where(hot[:, None], spot, offset)
    latitude = units["latitude"].to_numpy()[unit] + offset[:, 0] / KM_A_DEGREE
    longitude = units["longitude"].to_numpy()[unit] + offset[:, 1] / (KM_A_DEGREE * np.cos(np.radians(latitude)))
    kind = np.where(hot, 1, rng.choice(len(_KINDS), total, p=_SHARE / _SHARE.sum()))
    evening = (np.clip(rng.normal(18.5, 5.0, total), 0, 23.9) * 3600).astype(np.int64)
    happened = calendar.at(day, evening)
    recorded = happened + (rng.lognormal(8.6, 1.1, total).clip(600, 12 * 86_400)).astype("timedelta64[s]")
    verified = calendar.into_office(
        rng, recorded + (rng.exponential(2.0, total) * 86_400 + 3600).astype("timedelta64[s]")
    )
    closed_days = rng.integers(3, 30, total)
    closed = calendar.at(calendar.add_working_days(verified, closed_days), calendar.office_seconds(rng, total))
    place = places(units, unit)
    frame = pl.DataFrame(
        {
            "so_thu_ly": pl.Series(rng.integers(1, 999, total)).cast(pl.String) + f"/{month.year}/TL",
            "loai_vu_viec": pl.Series(_KINDS).gather(kind),
            "xay_ra_luc": micro(happened),
            "vi_do": np.round(latitude, 6),
            "kinh_do": np.round(longitude, 6),
            "ma_xa": place["code"],
            "ten_xa": place["name"],
            "trang_thai": np.full(total, _STATES[0]),
            "ket_thuc_luc": pl.Series([None], dtype=pl.Datetime("us")).gather(np.zeros(total, dtype=np.int64)),
            "cap_nhat_luc": micro(recorded),
            "_hot_spot": pl.concat([pl.Series([None] * n, dtype=pl.String), hot_name]),
            "_verified": micro(verified),
            "_closed": micro(closed),
            "_transferred": rng.random(total) < 0.15,
        }
    ).sort("cap_nhat_luc", "ma_xa", "vi_do")
    frame = with_serials(frame, "ma_vu_viec", f"AN-{month:%Y%m}-")
    second = frame.with_columns(trang_thai=pl.lit(_STATES[1]), cap_nhat_luc=pl.col("_verified"))
    ended = pl.when("_transferred").then(pl.lit(_STATES[3])).otherwise(pl.lit(_STATES[2]))
    third = frame.with_columns(trang_thai=ended, ket_thuc_luc=pl.col("_closed"), cap_nhat_luc=pl.col("_closed"))
    return pl.concat([frame, second, third]).drop("_verified", "_closed", "_transferred")


def _planted(rng: np.random.Generator, hot_spots: pl.DataFrame) -> tuple[np.ndarray, calendar.Times, pl.Series]:
    """Commune, day and episode of the planted incidents: one or two a day whatever the scale, so that it stands out."""
    per_day = rng.poisson(1.6, (len(hot_spots), HOT_SPOT_DAYS))
    episode, after = (axis.ravel() for axis in np.indices(per_day.shape))
    episode, after = np.repeat(episode, per_day.ravel()), np.repeat(after, per_day.ravel())
    first = hot_spots["from_day"].to_numpy().astype("datetime64[D]")
    return (
        hot_spots["unit"].to_numpy()[episode],
        first[episode] + after.astype("timedelta64[D]"),
        hot_spots["episode"].gather(episode),
    )
