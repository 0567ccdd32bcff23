"""The finance department's monthly workbook of public investment: plans and what was paid, project by project."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.worksheet import Worksheet

from simulator.drop_folder import write_whole
from simulator.office_calendar import add_working_days, local_naive
from simulator.planted_rows import draw_bad, record_truth
from simulator.province import PROVINCE_NAME

BAD = {
    "missing": "Kế hoạch vốn | Cả năm",
    "outlier": "Kế hoạch vốn | Thủ tướng giao",
    "duplicate": "Mã dự án",
    "format": "Mã dự án",
    "foreign_key": "Mã xã",
    "cross_field": "Giải ngân | Lũy kế từ đầu năm",
    "mismatch": "Xã, phường, đặc khu",
    "wrong_type": "Giải ngân | Lũy kế từ đầu năm",
}
_WORKS = [
    "Nâng cấp, mở rộng đường liên xã", "Xây dựng trường tiểu học", "Xây dựng trạm y tế", "Kè chống sạt lở bờ suối",
    "Kiên cố hóa kênh mương nội đồng", "Xây dựng trụ sở làm việc", "Cấp nước sinh hoạt tập trung",
    "Cải tạo chợ trung tâm", "Xây dựng cầu dân sinh", "Hạ tầng khu dân cư", "Sửa chữa hồ chứa nước",
]  # fmt: skip
_PROJECTS = 4.0  # a commune and year, at scale 1
_CORRECTED = 5  # every fifth month comes again, corrected
_TOP = ["STT", "Mã dự án", "Tên dự án", "Mã xã", "Xã, phường, đặc khu", "Kế hoạch vốn", None, "Giải ngân", None]
_SUB = [None, None, None, None, None, "Thủ tướng giao", "Cả năm", "Lũy kế từ đầu năm", "Tỷ lệ (%)"]
_FIRST_ROW = 7  # of the header, as Excel counts


def publish_investment(
    folder: Path, truth: Path, units: pl.DataFrame, start: date, seed: int, scale: float, now: datetime
) -> list[str]:
    """Write the months' workbooks due by `now` (aware) that the folder lacks; returns the names of the new files.

    A month's comes out on the fourth working day after it at 10:00; now and then a corrected edition follows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    moment, new = local_naive(now), []
    month = start
    while month < moment.date():
        following = (month + timedelta(days=32)).replace(day=1)
        out = _published(following)
        editions = [("", out)]
        if following.month % _CORRECTED == 0:
            editions.append(("_dieu_chinh", out + timedelta(days=12)))
        for suffix, at in editions:
            name = f"giai_ngan_dau_tu_cong_{month:%Y-%m}{suffix}.xlsx"
            if at > moment or (folder / name).exists():
                continue
            good, bad = _month(units, month, seed, scale, corrected=bool(suffix), every_kind=month == start)
            write_whole(folder / name, lambda path, g=good, b=bad, m=month: _write_book(path, g, b, m))  # type: ignore[misc]
            record_truth(truth, "investment_projects", _answers(bad, month, out))
            new.append(name)
        month = following
    return new


def _published(following: date) -> datetime:
    day = add_working_days(np.array([following], dtype="datetime64[D]"), np.array([3]))[0]
    return datetime.combine(day.astype(date), datetime.min.time()) + timedelta(hours=10)


def _month(
    units: pl.DataFrame, month: date, seed: int, scale: float, corrected: bool, every_kind: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Good and bad rows: code, name, commune_code, commune, by_pm, year_plan, paid (million đồng; text where bad)."""
    projects = _projects(units, month.year, seed, scale)
    rng = np.random.default_rng([seed, 71, month.year, month.month])
    reached = (month.month / 12) ** projects["slowness"].to_numpy() * projects["ends_at"].to_numpy()
    paid = projects["year_plan"].to_numpy() * np.minimum(reached, 1.0)
    if corrected:  # payments that the treasury confirmed late
        paid = np.minimum(
            paid * np.where(rng.random(len(projects)) < 0.15, 1.04, 1.0), projects["year_plan"].to_numpy()
        )
    good = projects.select("code", "name", "commune_code", "commune", "by_pm", "year_plan").with_columns(
        paid=pl.Series(np.round(paid, 3))
    )
    copies = draw_bad(good, list(BAD), [seed, 72, month.year, month.month], every_kind)
    return good, _spoil(copies, units)


def _projects(units: pl.DataFrame, year: int, seed: int, scale: float) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 70, year])
    number = np.maximum(rng.poisson(_PROJECTS * scale, len(units)), 1)
    unit = np.repeat(np.arange(len(units)), number)
    plan = np.round(rng.lognormal(8.6, 0.9, len(unit)), -1) + 100
    added = np.where(rng.random(len(unit)) < 0.3, np.round(plan * rng.uniform(0.05, 0.4, len(unit)), -1), 0.0)
    serial = pl.Series(np.arange(1, len(unit) + 1)).cast(pl.String()).str.zfill(5)
    work = pl.Series(_WORKS).gather(rng.integers(0, len(_WORKS), len(unit)))
    commune = units["name"].gather(unit)
    return pl.DataFrame(
        {"serial": serial, "work": work, "commune": commune, "commune_code": units["code"].gather(unit)}
    ).select(
        pl.concat_str(pl.lit(f"DA-{year}-"), "serial").alias("code"),
        pl.concat_str("work", pl.lit(" tại "), "commune").alias("name"),
        "commune_code",
        "commune",
        pl.Series("by_pm", plan),
        pl.Series("year_plan", plan + added),
        pl.Series("slowness", rng.uniform(1.1, 2.6, len(unit))),  # little is paid before the summer
        pl.Series("ends_at", rng.beta(9, 1.2, len(unit))),
    )


def _spoil(copies: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Bad rows, with numbers of their own but for duplicates; the amount paid is text."""
    bad = pl.col("bad")
    others = pl.col("commune_code").replace_strict(units["code"], np.roll(units["name"].to_numpy(), 1))
    paid = pl.col("paid")
    return copies.with_columns(
        pl.when(bad == "duplicate")
        .then("code")
        .when(bad == "format")
        .then(pl.col("code").str.replace_all("-", "/", literal=True))
        .otherwise(pl.col("code").str.replace(r"-\d(\d{4})$", "-9${1}"))
        .alias("code"),
        pl.when(bad == "foreign_key").then(pl.lit("99999")).otherwise("commune_code").alias("commune_code"),
        pl.when(bad == "mismatch").then(others).otherwise("commune").alias("commune"),
        pl.when(bad == "missing").then(None).otherwise("year_plan").alias("year_plan"),
        pl.when(bad == "outlier").then(pl.col("by_pm") * -1).otherwise("by_pm").alias("by_pm"),
        pl.when(bad == "cross_field").then(pl.col("year_plan") * 2 + 1).otherwise(paid).alias("paid"),
    )


def _write_book(path: Path, good: pl.DataFrame, bad: pl.DataFrame, month: date) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = f"Tháng {month.month}"
    sheet.append([f"ỦY BAN NHÂN DÂN TỈNH {PROVINCE_NAME.upper()}"])
    sheet.append(["SỞ TÀI CHÍNH"])
    sheet.append([])
    sheet.append(["TÌNH HÌNH GIẢI NGÂN VỐN ĐẦU TƯ CÔNG"])
    sheet.append([f"Tháng {month.month} năm {month.year}"])
    sheet.append([None] * 7 + ["Đơn vị tính: triệu đồng"])
    sheet.append(_TOP)
    sheet.append(_SUB)
    for cells in ("A1:E1", "A4:I4", "A5:I5", "A7:A8", "B7:B8", "C7:C8", "D7:D8", "E7:E8", "F7:G7", "H7:I7"):
        sheet.merge_cells(cells)
    for cell in (*sheet[_FIRST_ROW], *sheet[_FIRST_ROW + 1], sheet["A4"], sheet["A5"]):
        cell.font, cell.alignment = Font(bold=True), Alignment(horizontal="center", wrap_text=True)
    rows = pl.concat([good.with_columns(bad=pl.lit(None, pl.String())), bad]).sort("commune_code", "code")
    wrong_type = (pl.col("bad") == "wrong_type").fill_null(False)
    listed = rows.select(
        pl.int_range(1, pl.len() + 1),
        "code", "name", "commune_code", "commune", "by_pm", "year_plan", "paid",
        share=pl.col("paid") / pl.col("year_plan"),
        text=pl.when(wrong_type).then(pl.lit("chưa rõ")),
    )  # fmt: skip
    for row in listed.iter_rows():  # openpyxl takes rows
        sheet.append([*row[:7], row[9] or row[7], row[8]])
        sheet.cell(sheet.max_row, 9).number_format = "0.0%"
    sums = [float(good[name].to_numpy().sum()) for name in ("by_pm", "year_plan", "paid")]
    sheet.append(["TỔNG CỘNG", None, None, None, None, *sums, sums[2] / sums[1]])
    sheet.merge_cells(start_row=sheet.max_row, end_row=sheet.max_row, start_column=1, end_column=5)
    sheet.append([])
    sheet.append(["Ghi chú: số liệu theo xác nhận của Kho bạc Nhà nước."])
    sheet.append([None] * 6 + ["NGƯỜI LẬP BIỂU", "GIÁM ĐỐC"])
    with path.open("wb") as file:
        book.save(file)


def _answers(bad: pl.DataFrame, month: date, at: datetime) -> pl.DataFrame:
    moment = pl.lit(at).dt.replace_time_zone("Asia/Ho_Chi_Minh").dt.convert_time_zone("UTC")
    return bad.select(
        pl.concat_str("code", pl.lit(f"{month:%Y-%m}"), separator="|").alias("record_id"),
        pl.col("bad").alias("kind"),
        pl.col("bad").replace_strict(BAD).alias("field"),
        "commune_code",
        moment.alias("bad_from"),
    )
