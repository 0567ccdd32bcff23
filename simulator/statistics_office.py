"""The statistics office: a CSV a month with the indicators of the month, the quarter and the year that end with it."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from simulator.drop_folder import write_whole
from simulator.office_calendar import local_naive
from simulator.planted_rows import draw_bad, record_truth
from simulator.province import PROVINCE_CODE, PROVINCE_NAME

# code: name, unit, level of 2025, growth a year, swing over the year, noise, by commune
MONTH = {
    "IIP": ("Chỉ số sản xuất công nghiệp so với cùng kỳ", "%", 107.0, 0.0, 0.02, 0.015, False),
    "CPI": ("Chỉ số giá tiêu dùng so với cùng kỳ", "%", 103.4, 0.0, 0.002, 0.003, False),
    "TMBL": ("Tổng mức bán lẻ hàng hóa và doanh thu dịch vụ", "tỷ đồng", 13_500.0, 0.11, 0.08, 0.02, False),
    "XK": ("Kim ngạch xuất khẩu", "triệu USD", 265.0, 0.09, 0.12, 0.05, False),
    "NK": ("Kim ngạch nhập khẩu", "triệu USD", 118.0, 0.06, 0.08, 0.05, False),
    "KDL": ("Lượt khách du lịch", "nghìn lượt", 1_620.0, 0.12, 0.20, 0.05, False),
    "HKD": ("Hộ kinh doanh đăng ký mới", "hộ", 14.0, 0.05, 0.10, 0.25, True),
}
QUARTER = {
    "GRDP": ("Tốc độ tăng tổng sản phẩm trên địa bàn", "%", 6.9, 0.0, 0.03, 0.06, False),
    "VDT": ("Vốn đầu tư thực hiện toàn xã hội", "tỷ đồng", 14_800.0, 0.09, 0.15, 0.03, False),
    "TN": ("Tỷ lệ thất nghiệp", "%", 1.9, -0.02, 0.04, 0.05, False),
    "GTNN": ("Giá trị sản xuất nông, lâm nghiệp và thủy sản", "tỷ đồng", 152.0, 0.05, 0.25, 0.10, True),
}
YEAR = {
    "GRDPDN": ("Tổng sản phẩm bình quân đầu người", "triệu đồng", 96.0, 0.10, 0.0, 0.01, False),
    "NSLD": ("Năng suất lao động", "triệu đồng", 158.0, 0.09, 0.0, 0.01, False),
    "HN": ("Tỷ lệ hộ nghèo đa chiều", "%", 3.6, -0.12, 0.0, 0.35, True),
    "TNBQ": ("Thu nhập bình quân đầu người", "triệu đồng", 61.0, 0.08, 0.0, 0.15, True),
}
KINDS = {"Tháng": (1, MONTH), "Quý": (3, QUARTER), "Năm": (12, YEAR)}
ENCODINGS = ["cp1258", "utf-16", "utf-8", "utf-8-sig"]  # by the month: who sends it has several machines
BAD = {
    "missing": "Giá trị",
    "outlier": "Giá trị",
    "duplicate": "Mã chỉ tiêu",
    "format": "Mã chỉ tiêu",
    "foreign_key": "Mã đơn vị",
    "cross_field": "Giá trị",
    "wrong_type": "Giá trị",
}


def publish_statistics(
    folder: Path, truth: Path, units: pl.DataFrame, start: date, seed: int, now: datetime
) -> list[str]:
    """Write the months' files due by `now` (aware) that the folder lacks; returns the names of the new files.

    A month's comes out on the sixth of the next one at 09:00.
    """
    folder.mkdir(parents=True, exist_ok=True)
    moment, new, month = local_naive(now), [], start
    while month < moment.date():
        following = (month + timedelta(days=32)).replace(day=1)
        out = datetime(following.year, following.month, 6, 9)
        name = f"kinh_te_xa_hoi_{month:%Y-%m}.csv"
        if out <= moment and not (folder / name).exists():
            good = _month(units, month, seed)
            bad = _spoil(draw_bad(good, list(BAD), [seed, 82, month.year, month.month], month == start))
            write_whole(folder / name, lambda path, g=good, b=bad, m=month: path.write_bytes(_file(g, b, m)))  # type: ignore[misc]
            record_truth(truth, "socioeconomic", _answers(bad, out))
            new.append(name)
        month = following
    return new


def _month(units: pl.DataFrame, month: date, seed: int) -> pl.DataFrame:
    """The rows of the periods that end with the month; values are text with a decimal comma."""
    places = pl.concat(
        [
            pl.DataFrame({"code": [PROVINCE_CODE], "name": [PROVINCE_NAME], "commune": [False]}),
            units.select("code", "name", commune=pl.lit(True)),
        ]
    )
    due = [
        (kind, code, *described)
        for kind, (months, indicators) in KINDS.items()
        if month.month % months == 0
        for code, described in indicators.items()
    ]
    columns = ["Loại kỳ", "Mã chỉ tiêu", "Chỉ tiêu", "Đơn vị tính", "level", "growth", "swing", "noise", "commune"]
    indicators = pl.DataFrame(due, schema=columns, orient="row")
    rows = indicators.join(places, on="commune", maintain_order="left_right")
    rng = np.random.default_rng([seed, 81, month.year, month.month])
    years = (month.year - 2025) + (month.month - 6) / 12
    season = np.cos(2 * np.pi * (month.month - 1) / 12)
    habits = np.random.default_rng([seed, 80]).lognormal(0, 0.3, len(places))
    habit = pl.col("code").replace_strict(places["code"], habits, return_dtype=pl.Float64)
    own = pl.when("commune").then(habit).otherwise(1.0)
    noise = pl.Series(rng.normal(0, 1, len(rows)))
    value = pl.col("level") * own * (1 + pl.col("growth")) ** years * (1 + pl.col("swing") * season)
    return rows.select(
        pl.lit(f"{month:%m/%Y}").alias("Kỳ"),
        "Loại kỳ", "Mã chỉ tiêu", "Chỉ tiêu", "Đơn vị tính",
        pl.col("code").alias("Mã đơn vị"),
        pl.col("name").alias("Tên đơn vị"),
        _written(value * (1 + pl.col("noise") * noise).clip(0.3, 2)).alias("Giá trị"),
    )  # fmt: skip


def _written(value: pl.Expr) -> pl.Expr:
    return value.round(2).cast(pl.String()).str.replace(".", ",", literal=True)


def _spoil(copies: pl.DataFrame) -> pl.DataFrame:
    """Bad rows; all but duplicates carry codes of indicators that no good row of the period has."""
    bad, value = pl.col("bad"), pl.col("Giá trị")
    code = pl.when(bad == "cross_field").then(pl.lit("CPI")).otherwise("Mã chỉ tiêu") + "X"
    code = code.str.pad_end(6, "Z")
    return copies.with_columns(
        pl.when(bad == "duplicate")
        .then("Mã chỉ tiêu")
        .when(bad == "format")
        .then(code.str.to_lowercase())
        .otherwise(code)
        .alias("Mã chỉ tiêu"),
        pl.when(bad == "foreign_key").then(pl.lit("99999")).otherwise("Mã đơn vị").alias("Mã đơn vị"),
        pl.when(bad == "cross_field").then(pl.lit("%")).otherwise("Đơn vị tính").alias("Đơn vị tính"),
        pl.when(bad == "missing")
        .then(None)
        .when(bad == "outlier")
        .then(pl.lit("-98765432,1"))
        .when(bad == "cross_field")
        .then(pl.lit("4321,5"))
        .when(bad == "wrong_type")
        .then(pl.lit("khoảng ") + value)
        .otherwise(value)
        .alias("Giá trị"),
    )


def _file(good: pl.DataFrame, bad: pl.DataFrame, month: date) -> bytes:
    rows = pl.concat([good, bad.select(good.columns)])
    text = "SỐ LIỆU KINH TẾ - XÃ HỘI\r\n\r\n" + rows.write_csv(separator=";", line_terminator="\r\n")
    encoding = ENCODINGS[month.month % len(ENCODINGS)]
    return _windows_1258(text) if encoding == "cp1258" else text.encode(encoding)


# letters that Windows-1258 has no code for: the letter without its tone, and the tone after it
_TONES = {"\u0300": "àằầèềìòồờùừỳ", "\u0301": "áắấéếíóốớúứý", "\u0303": "ãẵẫẽễĩõỗỡũữỹ", "\u0309": "ảẳẩẻểỉỏổởủửỷ",
          "\u0323": "ạặậẹệịọộợụựỵ"}  # fmt: skip
_BASES = "aăâeêioôơuưy"
_DECOMPOSED = {
    ord(letter): base + tone
    for tone, letters in _TONES.items()
    for cased, bases in ((letters, _BASES), (letters.upper(), _BASES.upper()))
    for letter, base in zip(cased, bases, strict=True)
}


def _windows_1258(text: str) -> bytes:
    return text.translate(_DECOMPOSED).encode("cp1258")


def _answers(bad: pl.DataFrame, at: datetime) -> pl.DataFrame:
    moment = pl.lit(at).dt.replace_time_zone("Asia/Ho_Chi_Minh").dt.convert_time_zone("UTC")
    unit = pl.col("Mã đơn vị")
    kind = pl.col("Loại kỳ").replace_strict({"Tháng": "month", "Quý": "quarter", "Năm": "year"})
    return bad.select(
        pl.concat_str("Mã chỉ tiêu", unit, kind, "Kỳ", separator="|").alias("record_id"),
        pl.col("bad").alias("kind"),
        pl.col("bad").replace_strict(BAD).alias("field"),
        unit.alias("commune_code"),
        moment.alias("bad_from"),
    )
