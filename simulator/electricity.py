"""The electricity company: a file a day of what each commune used by class of customer, there at 06:00 next day."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from simulator.drop_folder import write_whole
from simulator.office_calendar import is_working_day, local_naive, tet_days
from simulator.planted_rows import draw_bad, record_truth

# share of the customers; kWh a customer and day; what is left of it on a day off and at Tết; part that is cooling
CLASSES = {
    "Sinh hoạt": (0.86, 5.2, 1.06, 1.10, 0.18),
    "Công nghiệp - xây dựng": (0.02, 210.0, 0.72, 0.25, 0.03),
    "Thương mại - dịch vụ": (0.06, 24.0, 1.04, 0.80, 0.15),
    "Nông - lâm - thủy sản": (0.05, 17.0, 0.97, 0.60, 0.0),
    "Hoạt động khác": (0.01, 30.0, 0.55, 0.35, 0.06),
}
_CLASS_CODES = dict(zip([*CLASSES, "Bổ sung"], ["households", "industry", "services", "farming", "other", "adjustment"],
                        strict=True))  # fmt: skip
BAD = {
    "missing": "san_luong_kwh",
    "outlier": "san_luong_kwh",
    "duplicate": "ma_xa",
    "format": "san_luong_kwh",
    "foreign_key": "ma_xa",
    "cross_field": "san_luong_kwh",
    "mismatch": "ten_xa",
}
_PERSONS_PER_CUSTOMER = 3.4
_UNREAD = 0.004  # of the communes' days, more in those that report badly
_GROWTH = 1.075  # a year


def publish_electricity(
    folder: Path, truth: Path, units: pl.DataFrame, start: date, seed: int, now: datetime
) -> list[str]:
    """Write the days due by `now` (aware) that the folder lacks; returns the names of the new files.

    Parquet, and CSV on Sundays, when an older system stands in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = (local_naive(now) - timedelta(hours=6)).date() - timedelta(days=1)
    there = {path.name for path in folder.iterdir()}
    days = [start + timedelta(days=n) for n in range((last - start).days + 1)]
    lacking = {_name(day): day for day in days if _name(day) not in there}
    months = sorted({day.replace(day=1) for day in lacking.values()})
    for month in months:
        good, bad = _month(units, month, seed, every_kind=month == start)
        by_day = pl.concat([good, bad.select(good.columns)]).sort(
            "ngay", "ma_xa", "nhom_khach_hang", maintain_order=True
        )
        parts = by_day.partition_by("ngay", as_dict=True, maintain_order=True)
        for name, day in lacking.items():
            if day.replace(day=1) == month:
                write_whole(folder / name, lambda path, rows=parts[(day,)]: _write_day(path, rows))  # type: ignore[misc]
        shown = bad.filter(pl.col("ngay").is_in(list(lacking.values())))
        record_truth(truth, "electricity", _answers(shown))
    return list(lacking)


def _name(day: date) -> str:
    return f"dien_thuong_pham_{day}.{'csv' if day.weekday() == 6 else 'parquet'}"


def _write_day(path: Path, rows: pl.DataFrame) -> None:
    if ".csv" in path.name:
        comma = pl.col("san_luong_kwh").str.replace(".", ",", literal=True)
        day = pl.col("ngay").dt.strftime("%d/%m/%Y")
        rows.with_columns(comma, day).write_csv(path, separator=";", include_bom=True)
    else:
        rows.with_columns(pl.col("san_luong_kwh").cast(pl.Float64)).write_parquet(path)


def _month(units: pl.DataFrame, month: date, seed: int, every_kind: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Good and bad rows of a month: ngay, ma_xa, ten_xa, nhom_khach_hang, so_khach_hang, san_luong_kwh (text)."""
    following = (month + timedelta(days=32)).replace(day=1)
    days = np.arange(np.datetime64(month), np.datetime64(following))
    rng = np.random.default_rng([seed, 61, month.year, month.month])
    habits = np.random.default_rng([seed, 60])
    per_unit = habits.lognormal(0, 0.25, (len(units), len(CLASSES)))
    poor = habits.random(len(units)) < 0.08
    factors = np.array(list(CLASSES.values()))
    years = (days - np.datetime64("2025-07-01")).astype(np.int64) / 365.25
    hot = np.cos((days.astype("datetime64[D]").astype(np.int64) % 365.25 - 115) * 2 * np.pi / 365.25)
    tet = (np.abs(days[:, None] - tet_days()[None, :]).astype(np.int64).min(axis=1) <= 4)[:, None]
    rest = np.where(tet, factors[:, 3], np.where(is_working_day(days)[:, None], 1.0, factors[:, 2]))
    season = rest * (1 + factors[:, 4] * hot[:, None]) * (_GROWTH**years)[:, None]  # day, class
    customers = np.maximum(
        np.round(units["population"].to_numpy()[:, None] / _PERSONS_PER_CUSTOMER * factors[:, 0] * per_unit), 1
    )
    noise = rng.lognormal(0, 0.06, (len(days), len(units), len(CLASSES)))
    kwh = season[:, None, :] * (customers * factors[:, 1])[None, :, :] * noise
    read = rng.random((len(days), len(units))) >= np.where(poor, 12 * _UNREAD, _UNREAD)
    day, unit, kind = (index.ravel() for index in np.indices(kwh.shape))
    rows = pl.DataFrame(
        {
            "ngay": days[day],
            "ma_xa": units["code"].gather(unit),
            "ten_xa": units["name"].gather(unit),
            "nhom_khach_hang": pl.Series(list(CLASSES)).gather(kind),
            "so_khach_hang": customers[unit, kind].astype(np.int64),
            "san_luong_kwh": pl.Series(kwh.ravel().round(1)).cast(pl.String()),
        }
    )
    good = rows.filter(pl.Series(read[day, unit]))
    return good, _spoil(draw_bad(good, list(BAD), [seed, 62, month.year, month.month], every_kind), units)


def _spoil(copies: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Bad rows. All but the duplicates are of a class of their own, so that they share no key with good ones."""
    bad = pl.col("bad")
    others = pl.col("ma_xa").replace_strict(units["code"], np.roll(units["name"].to_numpy(), 1))
    # text in a column of numbers is written by the older system alone
    sunday = pl.col("ngay").dt.truncate("1w") + pl.duration(days=6)
    in_month = (
        pl.when(sunday.dt.month() == pl.col("ngay").dt.month()).then(sunday).otherwise(sunday.dt.offset_by("-7d"))
    )
    kwh = pl.col("san_luong_kwh")
    return copies.with_columns(
        pl.when(bad == "format").then(in_month).otherwise("ngay").alias("ngay"),
        pl.when(bad == "foreign_key").then(pl.lit("99999")).otherwise("ma_xa").alias("ma_xa"),
        pl.when(bad == "mismatch").then(others).otherwise("ten_xa").alias("ten_xa"),
        pl.when(bad == "duplicate").then("nhom_khach_hang").otherwise(pl.lit("Bổ sung")).alias("nhom_khach_hang"),
        pl.when(bad == "cross_field").then(0).otherwise("so_khach_hang").alias("so_khach_hang"),
        pl.when(bad == "missing")
        .then(None)
        .when(bad == "outlier")
        .then(pl.lit("-") + kwh)
        .when(bad == "format")
        .then(kwh + " kWh")
        .otherwise(kwh)
        .alias("san_luong_kwh"),
    )


def _answers(bad: pl.DataFrame) -> pl.DataFrame:
    local = pl.col("ngay").cast(pl.Datetime("us")).dt.offset_by("30h").dt.replace_time_zone("Asia/Ho_Chi_Minh")
    sunday = pl.col("ngay").dt.weekday() == 7
    return bad.select(
        pl.concat_str(
            "ma_xa",
            pl.col("nhom_khach_hang").replace(_CLASS_CODES),
            pl.when(sunday).then(pl.col("ngay").dt.strftime("%d/%m/%Y")).otherwise(pl.col("ngay").cast(pl.String())),
            separator="|",
        ).alias("record_id"),
        pl.col("bad").alias("kind"),
        pl.col("bad").replace_strict(BAD).alias("field"),
        pl.col("ma_xa").alias("commune_code"),
        local.dt.convert_time_zone("UTC").alias("bad_from"),
    )
