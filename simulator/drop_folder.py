"""The folder into which the health department puts its monthly reports: an archive as CSV, then a file a month."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl

from simulator.cases import SETTLED_DAYS
from simulator.office_calendar import local_naive
from simulator.province import MERGER, OLD_PROVINCES, PROVINCE_NAME

ARCHIVE = "cdc_monthly_2011_2024.csv"
_ARCHIVE_END = date(2025, 1, 1)
_MISSING_SHARE = 0.015  # of the archive's counts; before the line list begins
_GROWTH = 1.009  # a year
MERGER_YEAR = 2025  # whose populations the units have
_DISEASE_NAMES = {"dengue": "Sốt xuất huyết", "hfmd": "Tay chân miệng", "influenza": "Cúm", "measles": "Sởi"}
_ENGLISH = ["time_period", "location_name", "disease", "disease_cases", "population", "rainfall", "mean_temperature",
            "mean_relative_humidity"]  # fmt: skip
_VIETNAMESE = ["Tháng", "Đơn vị", "Bệnh", "Số ca", "Dân số", "Lượng mưa", "Nhiệt độ", "Độ ẩm"]


def publish_reports(folder: Path, months: pl.DataFrame, line_list_start: date, seed: int, now: datetime) -> list[str]:
    """Write the reports due by `now` (aware) that the folder lacks; returns the names of the new files.

    A month's report comes out at 08:00 on the tenth day after its end. Files once written are never touched again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    moment = local_naive(now)
    new = []
    if not (folder / ARCHIVE).exists():
        archive = _archive(months, line_list_start, seed)
        write_whole(folder / ARCHIVE, lambda path: archive.write_csv(path))
        new.append(ARCHIVE)
    for month in months["month"].unique().sort():
        if month < _ARCHIVE_END or moment < _published_at(month):
            continue
        spreadsheet = month.month % 2 == 1
        name = f"cdc_monthly_{month:%Y-%m}.{'xlsx' if spreadsheet else 'parquet'}"
        if (folder / name).exists():
            continue
        report = _report(months.filter(pl.col("month") == month))
        if spreadsheet:
            write_whole(folder / name, lambda path, rows=report: write_spreadsheet(path, rows))  # type: ignore[misc]
        else:
            write_whole(folder / name, lambda path, rows=report: rows.write_parquet(path))  # type: ignore[misc]
        new.append(name)
    return new


def publish_populations(folder: Path, units: pl.DataFrame, first_year: int, now: datetime) -> str | None:
    """Write this year's edition of the communes' populations, all years in it; returns its name if it is new."""
    year = local_naive(now).year
    name = f"dan_so_xa_{year}.csv"
    if (folder / name).exists():
        return None
    years = pl.DataFrame({"Năm": range(first_year, year + 1)})
    grown = pl.col("population") * _GROWTH ** (pl.col("Năm") - MERGER_YEAR)
    table = units.select("code", "population").join(years, how="cross").with_columns(grown.round().cast(pl.Int64))
    named = table.select(pl.col("code").alias("Mã xã"), "Năm", pl.col("population").alias("Dân số"))
    write_whole(folder / name, lambda path: named.write_csv(path, separator=";"))
    return name


def write_spreadsheet(path: Path, report: pl.DataFrame) -> None:
    """A report as the department's Excel sheet, Vietnamese heads and disease names."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Báo cáo tháng"
    sheet.append(_VIETNAMESE)
    for row in report.with_columns(pl.col("disease").replace(_DISEASE_NAMES)).iter_rows():  # a dozen rows
        sheet.append(row)
    book.save(path)


def _published_at(month: date) -> datetime:
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return datetime(following.year, following.month, following.day, 8) + timedelta(days=SETTLED_DAYS)


def _archive(months: pl.DataFrame, line_list_start: date, seed: int) -> pl.DataFrame:
    archive = months.filter(pl.col("month") < _ARCHIVE_END)
    lost = np.random.default_rng([seed, 50]).random(len(archive)) < _MISSING_SHARE
    unknown = pl.Series(lost) & (archive["month"] < line_list_start)
    archive = archive.with_columns(pl.when(~unknown).then("cases").alias("cases"))
    return _named(archive.with_columns(_old_name()))


def _report(month: pl.DataFrame) -> pl.DataFrame:
    if month["month"][0] < date.fromisoformat(str(MERGER)):
        return _named(month.with_columns(_old_name()))
    people = pl.col("population")
    merged = month.group_by("month", "disease").agg(
        pl.col("cases").sum(),
        *((pl.col(c) * people).sum() / people.sum() for c in ("rainfall_mm_per_day", "temperature_c", "humidity_pct")),
        people.sum(),
    )
    return _named(merged.with_columns(pl.lit(PROVINCE_NAME).alias("location")))


def _old_name() -> pl.Expr:
    return (
        pl.col("old_province")
        .replace_strict({code: name for code, (name, _) in OLD_PROVINCES.items()})
        .alias("location")
    )


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort("location", "disease", "month").select(
        pl.col("month").dt.strftime("%Y-%m"),
        "location",
        "disease",
        "cases",
        "population",
        pl.col("rainfall_mm_per_day").round(3),
        pl.col("temperature_c").round(2),
        pl.col("humidity_pct").round(1),
    ).rename(lambda name: _ENGLISH[["month", "location", "disease", "cases", "population", "rainfall_mm_per_day",
                                    "temperature_c", "humidity_pct"].index(name)])  # fmt: skip


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Whole files only: a reader never meets half of one."""
    half = path.with_name(f"{path.name}.tmp")
    write(half)
    half.replace(path)
