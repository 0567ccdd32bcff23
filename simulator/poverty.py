"""The yearly review of poor and near-poor households, and what changes in a household's state during the year."""

from datetime import date

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator import office_calendar as calendar
from simulator.arrivals import PROVINCE_POPULATION, citizens, micro, places, with_serials

HOUSEHOLDS = 12_000  # ever on the list, in the whole province at scale 1
_BASE_YEAR = 2015
_STATES = ["poor", "near_poor", "escaped"]

MISTAKES = [
    bad.missing("ketQua"),
    bad.outlier("soChiSoThieuHut", 40),
    bad.duplicate("maBanGhi"),
    bad.misspelt("soDinhDanhChuHo"),
    bad.unknown_commune("maXa"),
    bad.Mistake("cross_field", "ngayRaSoat", (pl.col("capNhatLuc") + pl.duration(days=9)).dt.date()),
    bad.long_ago("ngayRaSoat"),
    bad.other_name("tenXa"),
]


def generate_poverty(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Households by year of the list: the review's result, and changes during the year; all versions.

    The list of a year is the result of the review in October to December of the year before. Years are generated
    whole: those that touch [start, end).
    """
    rng = np.random.default_rng([seed, 75])
    weight = units["population"].to_numpy() * np.where(units["kind"] == "Phường", 0.35, 1.0)
    weight = weight * rng.lognormal(0, 0.4, len(units))
    count = max(40, round(HOUSEHOLDS * scale * units["population"].to_numpy().sum() / PROVINCE_POPULATION))
    unit = np.sort(rng.choice(len(units), count, p=weight / weight.sum()))
    people = citizens(rng, units, unit, 30)
    persons = rng.integers(1, 8, count)
    hardship = rng.normal(0, 1, count)
    state = np.full(count, 3)  # 3: not on the list
    frames = []
    for year in range(_BASE_YEAR, end.year + 2):
        of_year = np.random.default_rng([seed, 75, year])
        trouble = hardship - 0.09 * (year - _BASE_YEAR) + of_year.normal(0, 0.45, count) + 0.25
        listed_before = state < 2
        state = np.where(trouble > 0.55, 0, np.where(trouble > -0.05, 1, np.where(listed_before, 2, 3)))
        if year < start.year:
            continue
        shown = np.flatnonzero(state < 3)
        frames.append(_list(of_year, units, year, unit[shown], people[shown], persons[shown], state[shown]))
    return bad.plant(pl.concat(frames), "maBanGhi", "capNhatLuc", "maXa", MISTAKES, seed, 4)


def _list(
    rng: np.random.Generator,
    units: pl.DataFrame,
    year: int,
    unit: np.ndarray,
    people: pl.DataFrame,
    persons: np.ndarray,
    state: np.ndarray,
) -> pl.DataFrame:
    n = len(unit)
    first = np.datetime64(f"{year - 1}-10-05") + rng.integers(0, 70, n).astype("timedelta64[D]")
    reviewed = calendar.add_working_days(first, np.zeros(n, dtype=np.int64))
    recorded = calendar.at(calendar.add_working_days(reviewed, rng.integers(1, 9, n)), calendar.office_seconds(rng, n))
    lacks = np.select([state == 0, state == 1], [rng.integers(3, 9, n), rng.integers(0, 3, n)], rng.integers(0, 2, n))
    income = np.select(
        [state == 0, state == 1], [rng.normal(1150, 220, n), rng.normal(1400, 150, n)], rng.normal(1900, 250, n)
    )
    place = places(units, unit)
    frame = pl.DataFrame(
        {
            "nam": np.full(n, year),
            "maXa": place["code"],
            "tenXa": place["name"],
            "soDinhDanhChuHo": people["citizen_number"],
            "hoTenChuHo": people["name"],
            "soNhanKhau": persons,
            "ketQua": pl.Series(_STATES).gather(state),
            "soChiSoThieuHut": lacks,
            "thuNhapBinhQuan": np.round(income.clip(300)),  # thousand VND a person and month
            "ngayRaSoat": pl.Series(reviewed),
            "capNhatLuc": micro(recorded),
        }
    ).sort("maXa", "soDinhDanhChuHo")
    frame = with_serials(frame, "maBanGhi", f"HN-{year}-")
    changed = frame.filter(pl.Series(rng.random(n) < 0.12))
    # falling into poverty comes with storms and harvests, getting out of it with the half-year's review
    day = np.datetime64(f"{year}-01-15") + rng.integers(0, 250, len(changed)).astype("timedelta64[D]")
    moment = calendar.at(
        calendar.add_working_days(day, np.ones(len(changed), dtype=np.int64)),
        calendar.office_seconds(rng, len(changed)),
    )
    better = pl.Series(rng.random(len(changed)) < 0.7)
    was = pl.col("ketQua")
    changed = changed.with_columns(
        pl.Series("ngayRaSoat", day),
        micro(moment).alias("capNhatLuc"),
        pl.when(better & (was == "poor")).then(pl.lit("near_poor"))
        .when(better & (was == "near_poor")).then(pl.lit("escaped"))
        .when(~better & (was == "escaped")).then(pl.lit("near_poor"))
        .when(~better & (was == "near_poor")).then(pl.lit("poor"))
        .otherwise(was).alias("ketQua"),
    ).with_columns(
        pl.when(pl.col("ketQua") == "poor").then(pl.col("soChiSoThieuHut").clip(3)).otherwise("soChiSoThieuHut")
        .alias("soChiSoThieuHut")
    )  # fmt: skip
    return pl.concat([frame, changed])
