"""The finance department's daily budget revenue by commune, with planted shocks and corrections."""

from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator import office_calendar as calendar
from simulator.arrivals import days_of, micro, months_between, with_corrections, with_serials
from simulator.episodes import plan_episodes
from simulator.province import neighbour_weights

SHOCK_DAYS, SHOCK_FALL = 56, 0.7  # share of the revenue from land that is lost
CORRECTION_MONTHS, CORRECTION_FACTOR = (2, 5, 8, 11), 1.5  # of each, one commune's whole revenue is found too low
CORRECTED_LATER = 3  # months, on the first working day from the 10th
# kind, budget sub-item, million VND a person and year, spread of a day
_REVENUES = [
    ("enterprise_tax", "1052", 1.9, 0.5), ("household_business_tax", "1701", 0.35, 0.35),
    ("land_use", "1401", 1.2, 0.9), ("fees", "2801", 0.25, 0.3),
]  # fmt: skip
SHOCKED = 2  # row of _REVENUES

MISTAKES = [
    bad.missing("so_thu"),
    bad.outlier("so_thu", 90_000_000.0),
    bad.duplicate("ma_ban_ghi"),
    bad.misspelt("tieu_muc"),
    bad.unknown_commune("ma_xa"),
    bad.Mistake("cross_field", "nam_ngan_sach", pl.col("nam_ngan_sach") - 1),
    bad.long_ago("ngay"),
    bad.other_name("ten_xa"),
]


def plan_shocks(units: pl.DataFrame, start: date, end: date, seed: int) -> pl.DataFrame:
    """The planted shocks: episodes, each in a commune and its nearest neighbours (`communes`, list of codes)."""
    before = start - timedelta(days=SHOCK_DAYS)  # one that began then goes on into it
    episodes = plan_episodes(units, before, end, [seed, 78], 6, SHOCK_DAYS)
    near = neighbour_weights(units, 4) > 0
    codes = units["code"]
    struck = [[codes[unit], *codes.filter(pl.Series(near[unit])).to_list()] for unit in episodes["unit"]]
    return episodes.with_columns(pl.Series("communes", struck, dtype=pl.List(pl.String)))


def generate_budget(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Revenue by working day, commune and kind, with the year's estimate; all versions.

    Scale changes nothing: every commune reports every kind every working day.
    """
    shocks = plan_shocks(units, start, end, seed)
    frames = [_month(units, month, shocks, seed) for month in months_between(start, end)]
    return bad.plant(pl.concat(frames), "ma_ban_ghi", "cap_nhat_luc", "ma_xa", MISTAKES, seed, 6)


def plan_corrections(units: pl.DataFrame, start: date, end: date, seed: int) -> pl.DataFrame:
    """The planted corrections: of which commune and month, when and by which factor the figures are put right.

    Columns: commune_code, month, corrected_at (local, naive), factor; of months in [start, end).
    """
    rows = []
    for month in months_between(start, end):
        if month.month not in CORRECTION_MONTHS:
            continue
        unit = int(np.random.default_rng([seed, 84, month.year, month.month]).integers(0, len(units)))
        tenth = np.datetime64(month, "M") + CORRECTED_LATER
        day = calendar.add_working_days(np.array([tenth.astype("datetime64[D]") + 9]), np.array([0]))
        moment = datetime.combine(day.astype(object)[0], time(9))
        rows.append((units["code"][unit], month, moment, CORRECTION_FACTOR))
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "commune_code": pl.String,
        "month": pl.Date,
        "corrected_at": pl.Datetime("us"),
        "factor": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _with_planned(versions: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """The versions and the newest ones of the corrected month put right."""
    newest = versions.sort("cap_nhat_luc").unique("ma_ban_ghi", keep="last", maintain_order=True)
    right = newest.join(corrections, left_on="ma_xa", right_on="commune_code", maintain_order="left").with_columns(
        (pl.col("so_thu") * pl.col("factor")).round(1).alias("so_thu"), pl.col("corrected_at").alias("cap_nhat_luc")
    )
    return pl.concat([versions, right.select(versions.columns)])


def _month(units: pl.DataFrame, month: date, shocks: pl.DataFrame, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 79, month.year, month.month])
    days = days_of(month)
    days = days[calendar.is_working_day(days)]
    usual = _usual(units, month.year, seed)  # a year, by commune and kind
    shape = (len(days), *usual.shape)
    spread = np.array([one[3] for one in _REVENUES])
    noise = rng.lognormal(-(spread**2) / 2, spread, shape)
    amount = usual[None] / 250 * _rhythm(days, month)[:, None, :] * noise
    amount = np.round(amount * _left_by_shocks(units, days, shocks), 1)
    careless = np.random.default_rng([seed, 79]).random(len(units)) < 0.08
    late = np.where(careless[None, :] & (rng.random(shape[:2]) < 0.3), rng.integers(1, 4, shape[:2]), 0)
    reported = calendar.add_working_days(np.broadcast_to(days[:, None], shape[:2]).ravel(), late.ravel())
    moment = calendar.at(reported, 17 * 3600 + 600 + rng.integers(0, 3000, reported.shape)).reshape(shape[:2])
    day, unit, kind = (axis.ravel() for axis in np.indices(shape))
    estimate = np.round(_usual(units, month.year, seed) * 0.96, -1)
    frame = pl.DataFrame(
        {
            "ngay": pl.Series(days[day]),
            "nam_ngan_sach": np.full(len(day), month.year),
            "ma_xa": units["code"].gather(unit),
            "ten_xa": units["name"].gather(unit),
            "loai_thu": pl.Series([one[0] for one in _REVENUES]).gather(kind),
            "tieu_muc": pl.Series([one[1] for one in _REVENUES]).gather(kind),
            "so_thu": amount.ravel(),
            "du_toan_nam": estimate[unit, kind],
            "cap_nhat_luc": micro(moment[day, unit]),
        }
    )
    frame = with_serials(frame, "ma_ban_ghi", f"NS-{month:%Y%m}-")
    versions = with_corrections(
        rng, frame, "cap_nhat_luc", 0.015, (1, 25),
        lambda rows: rows.with_columns((pl.col("so_thu") * 1.08).round(1)),
    )  # fmt: skip
    return _with_planned(versions, plan_corrections(units, month, days_of(month)[-1].astype(object), seed))


def _usual(units: pl.DataFrame, year: int, seed: int) -> np.ndarray:
    """Million VND a year by commune and kind."""
    rng = np.random.default_rng([seed, 79, 1])
    wealth = rng.lognormal(0, 0.4, len(units)) * np.where(units["kind"] == "Phường", 1.9, 0.7)
    persons = np.array([one[2] for one in _REVENUES])
    return np.asarray(
        units["population"].to_numpy()[:, None] * wealth[:, None] * persons[None, :] * 1.08 ** (year - 2024)
    )


def _rhythm(days: calendar.Times, month: date) -> np.ndarray:
    """Tax comes before the 20th and the quarter's end, land at the year's end; by day and kind."""
    number = days.astype("datetime64[D]").astype(object)
    before_20th = np.array([2.2 if 15 <= day.day <= 20 else 0.8 for day in number])
    quarter = 1.5 if month.month in (1, 4, 7, 10) else 0.75
    land = {11: 1.3, 12: 1.8, 1: 0.6, 2: 0.5}.get(month.month, 1.0)
    even = np.ones(len(days))
    return np.stack([before_20th * quarter, before_20th, even * land, even], axis=1)


def _left_by_shocks(units: pl.DataFrame, days: calendar.Times, shocks: pl.DataFrame) -> np.ndarray:
    """Share of the revenue that is left, by day, commune and kind."""
    left = np.ones((len(days), len(units), len(_REVENUES)))
    for shock in shocks.iter_rows(named=True):  # a handful
        during = (days >= np.datetime64(shock["from_day"])) & (days < np.datetime64(shock["to_day"]))
        struck = units["code"].is_in(shock["communes"]).to_numpy()
        left[:, :, SHOCKED] *= np.where(during[:, None] & struck[None, :], 1 - SHOCK_FALL, 1.0)
    return left
