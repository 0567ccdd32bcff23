"""The national registers' events of the province: enterprises and land."""

from datetime import date

import numpy as np
import polars as pl

from simulator import bad_records as bad
from simulator import office_calendar as calendar
from simulator.arrivals import arrivals, citizens, micro, months_between, places, with_corrections, with_serials

ENTERPRISES_A_DAY, LAND_A_DAY = 25.0, 60.0
_DISSOLVED_A_MONTH = 400  # of the stock, numbers set apart so that nothing happens to an enterprise after its end
_SECTORS = list("ABCDEFGHIJKLMNPQRS")
_SECTOR_SHARE = np.array([9, 1, 11, 2, 1, 13, 34, 6, 9, 2, 1, 4, 6, 5, 2, 1, 1.5, 2.5])
_KINDS = ["founded", "changed", "suspended", "dissolved"]
_LAND = ["transfer", "gift", "inheritance", "mortgage", "mortgage_release"]

ENTERPRISE_MISTAKES = [
    bad.missing("loaiSuKien"),
    bad.outlier("vonDieuLe", -500),
    bad.duplicate("maSuKien"),
    bad.misspelt("maSoThue"),
    bad.unknown_commune("maXa"),
    bad.Mistake("cross_field", "ngaySuKien", (pl.col("capNhatLuc") + pl.duration(days=9)).dt.date()),
    bad.long_ago("ngaySuKien"),
    bad.other_name("tenXa"),
]
LAND_MISTAKES = [
    bad.missing("dienTich"),
    bad.outlier("dienTich", 45_000_000),
    bad.duplicate("maGiaoDich"),
    bad.misspelt("soDinhDanhBenB"),
    bad.unknown_commune("maXa"),
    bad.Mistake("cross_field", "ngayNopHoSo", (pl.col("capNhatLuc") + pl.duration(days=9)).dt.date()),
    bad.long_ago("ngayNopHoSo"),
    bad.other_name("tenXa"),
]


def generate_enterprises(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Events in the enterprise register: founded, changed, suspended, dissolved; all versions."""
    frames = [_enterprises(units, month, seed, scale) for month in months_between(start, end)]
    return bad.plant(pl.concat(frames), "maSuKien", "capNhatLuc", "maXa", ENTERPRISE_MISTAKES, seed, 2)


def _enterprises(units: pl.DataFrame, month: date, seed: int, scale: float) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 73, month.year, month.month])
    unit, day = arrivals(rng, units, month, ENTERPRISES_A_DAY * scale, 0.03)
    n = len(unit)
    early = month.month in (1, 2)  # firms give up at the turn of the year
    kind = rng.choice(4, n, p=[0.30, 0.38, 0.24, 0.08] if early else [0.36, 0.46, 0.11, 0.07])
    gone_before = ((month.year - 2015) * 12 + month.month) * _DISSOLVED_A_MONTH
    order = rng.permutation(n)
    number = np.select(
        [kind == 0, kind == 3],
        [900_000 + gone_before + order, gone_before + order % _DISSOLVED_A_MONTH],
        gone_before + _DISSOLVED_A_MONTH + rng.integers(0, 60_000, n),
    )
    capital = np.round(np.exp(rng.normal(7.6, 1.3, n)), -2).clip(50)  # million VND
    recorded = calendar.at(day, calendar.office_seconds(rng, n))
    event_day = day - rng.integers(0, 4, n).astype("timedelta64[D]")
    place, owner = places(units, unit), citizens(rng, units, unit, 24)
    frame = pl.DataFrame(
        {
            "maSoThue": pl.Series(5_800_000_000 + number).cast(pl.String),
            "soDinhDanhChuSoHuu": owner["citizen_number"],
            "hoTenChuSoHuu": owner["name"],
            "loaiSuKien": pl.Series(_KINDS).gather(kind),
            "maNganh": pl.Series(_SECTORS).gather(rng.choice(18, n, p=_SECTOR_SHARE / _SECTOR_SHARE.sum())),
            "vonDieuLe": capital,
            "soLaoDong": np.maximum(1, rng.lognormal(1.6, 1.0, n)).astype(np.int64),
            "maXa": place["code"],
            "tenXa": place["name"],
            "ngaySuKien": pl.Series(event_day),
            "capNhatLuc": micro(recorded),
        }
    ).sort("capNhatLuc", "maSoThue")
    frame = with_serials(frame, "maSuKien", f"DN-{month:%Y%m}-")
    return with_corrections(
        rng, frame, "capNhatLuc", 0.04, (1, 20),
        lambda rows: rows.with_columns(pl.col("vonDieuLe") * 1.5),
    )  # fmt: skip


def generate_land(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Dealings in land: received, then registered or refused some working days later; all versions."""
    frames = [_land(units, month, seed, scale) for month in months_between(start, end)]
    return bad.plant(pl.concat(frames), "maGiaoDich", "capNhatLuc", "maXa", LAND_MISTAKES, seed, 3)


def _land(units: pl.DataFrame, month: date, seed: int, scale: float) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 74, month.year, month.month])
    unit, day = arrivals(rng, units, month, LAND_A_DAY * scale, 0.02)
    n = len(unit)
    kind = rng.choice(5, n, p=[0.42, 0.14, 0.09, 0.21, 0.14])
    town = (units["kind"] == "Phường").to_numpy()[unit]
    area = np.round(np.where(town, rng.lognormal(4.9, 0.7, n), rng.lognormal(7.0, 1.1, n)).clip(20, 200_000), 1)
    level = np.random.default_rng([seed, 74]).lognormal(0, 0.4, len(units))[unit]  # a commune's prices
    price = np.where(town, 14.0, 1.1) * level * rng.lognormal(0, 0.35, n)  # million VND a m²
    price = price * 1.06 ** ((month.year - 2024) + month.month / 12) * (area / 100) ** -0.25
    received = calendar.at(day, calendar.office_seconds(rng, n))
    decided_day = calendar.add_working_days(day, rng.integers(3, 13, n))
    decided = calendar.at(decided_day, calendar.office_seconds(rng, n))
    place, giver, taker = places(units, unit), citizens(rng, units, unit, 26), citizens(rng, units, unit, 28)
    frame = pl.DataFrame(
        {
            "loaiGiaoDich": pl.Series(_LAND).gather(kind),
            "soThua": pl.Series(rng.integers(1, 1200, n)).cast(pl.String),
            "soTo": pl.Series(rng.integers(1, 90, n)).cast(pl.String),
            "dienTich": area,
            "giaTri": pl.Series(np.round(price * area, 0)).set(pl.Series(kind == 2), None),  # heirs pay nothing
            "maXa": place["code"],
            "tenXa": place["name"],
            "soDinhDanhBenA": giver["citizen_number"],
            "hoTenBenA": giver["name"],
            "soDinhDanhBenB": taker["citizen_number"],
            "hoTenBenB": taker["name"],
            "ngayNopHoSo": pl.Series(day),
            "trangThai": np.full(n, "received"),
            "capNhatLuc": micro(received),
            "_decided": micro(decided),
            "_refused": rng.random(n) < 0.06,
        }
    ).sort("capNhatLuc", "soDinhDanhBenA")
    frame = with_serials(frame, "maGiaoDich", f"DD-{month:%Y%m}-")
    final = frame.with_columns(
        pl.when("_refused").then(pl.lit("refused")).otherwise(pl.lit("registered")).alias("trangThai"),
        pl.col("_decided").alias("capNhatLuc"),
    )
    return pl.concat([frame, final]).drop("_decided", "_refused")
