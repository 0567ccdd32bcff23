"""Values as a source writes them: text first, then numbers, days and moments by the contract's type."""

from datetime import timedelta

import orjson
import polars as pl

from lake.contract import Column
from lake.settings import TIME_ZONE

DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d.%m.%Y")
LOCAL_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%d/%m/%YT%H:%M:%S", "%d/%m/%YT%H:%M")
# months are read as their first day; the pattern in the source and how a day is put to it
MONTH_FORMATS = {"%Y-%m-%d": "{}-01", "%d/%m/%Y": "01/{}", "%d-%m-%Y": "01-{}", "%Y/%m/%d": "{}/01"}
ZONE = r"T.*(Z|[+-]\d\d(:?\d\d)?)$"
# as most machines here write a moment; read four times as fast as any other spelling with a zone
OURS = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]\+07:00$"
FIRST_YEAR, LAST_YEAR = 1900, 2199  # 01/07/26 is no day of the year 26
GROUPED = {".": r"^-?\d{1,3}(\.\d{3})+$", ",": r"^-?\d{1,3}(,\d{3})+$"}  # 1.234.567 or 1,234,567
TWICE_GROUPED = {".": r"^-?\d{1,3}(\.\d{3}){2,}", ",": r"^-?\d{1,3}(,\d{3}){2,}"}


WHOLE = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)
NATIVE: dict[str, tuple[type[pl.DataType], ...]] = {
    "integer": (*WHOLE, pl.Float64),
    "number": (*WHOLE, pl.Float64),
    "boolean": (pl.Boolean,),
    "date": (pl.Date,),
    "month": (pl.Date,),
}


def is_native(values: pl.Series, column: Column) -> bool:
    """Whether the source gives a column in a type that means what the contract says, so that it need not be text."""
    if column.protect or column.missing or column.map or column.values or column.pattern:
        return False
    if isinstance(values.dtype, pl.Datetime):
        return column.type == "timestamp" and values.dtype.time_zone is not None and values.dtype.time_unit == "us"
    return isinstance(values.dtype, NATIVE.get(column.type, ()))


def read_native(values: pl.Series, column: Column) -> pl.Series:
    """What read_values gives for the text of values of such a type, without the text."""
    if isinstance(values.dtype, pl.Boolean):
        return values
    if isinstance(values.dtype, pl.Datetime):
        return _in_our_time(values.dt.convert_time_zone("UTC"))
    if isinstance(values.dtype, pl.Date):
        return _in_our_time(values.dt.month_start() if column.type == "month" else values)
    return _numbers(values.cast(pl.Float64()), column)


def as_text(values: pl.Series, column: Column) -> pl.Series:
    """Values as trimmed text; empty ones and the contract's spellings of "no value" are null."""
    if isinstance(values.dtype, (pl.Struct, pl.List, pl.Array, pl.Object, pl.Binary)):
        text = pl.Series(values.name, [_nested_text(value) for value in values.to_list()], dtype=pl.String())
    elif isinstance(values.dtype, pl.Datetime):
        zoned = values if values.dtype.time_zone else _localised(values)
        text = zoned.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f%z")
    else:
        text = values.cast(pl.String())
    text = text.str.strip_chars()
    if column.type == "text" and text.str.len_bytes().sum() != text.str.len_chars().sum():
        text = text.str.normalize("NFC")  # some systems write a letter and its accents one after the other
    text = text.set(text == "", None)
    if column.missing:
        text = text.set(text.is_in(column.missing), None)
    if column.map:
        text = text.replace(column.map)
    return text


def _nested_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, default=str).decode()


def read_values(text: pl.Series, column: Column, by_hand: bool, parts: pl.Series | None = None) -> pl.Series:
    """Values by the contract's type; what cannot be read as such is null.

    by_hand: a person typed the text. parts: which of several tables each value is of, where they are read together.
    """
    if column.protect or column.type == "text":
        return text
    if column.type in ("integer", "number"):
        return _number(text, column, by_hand, parts)
    if column.type == "boolean":
        lower = text.str.to_lowercase()
        words = {"true": True, "1": True, "có": True, "false": False, "0": False, "không": False}
        return lower.replace_strict(list(words), list(words.values()), default=None, return_dtype=pl.Boolean())
    if column.type == "timestamp":
        return _in_our_time(_timestamp(text))
    days = _days(text)
    if column.type == "month":
        for form, full in MONTH_FORMATS.items():
            if days.null_count() > text.null_count():
                first = pl.select(pl.format(full, text)).to_series().str.to_date(form, strict=False)
                days = days.zip_with(days.is_not_null(), first)
        days = days.dt.month_start()
    return _in_our_time(days.alias(column.name))


def _days(text: pl.Series) -> pl.Series:
    """Days; of a moment the local one."""
    days = pl.Series(text.name, [None] * len(text), dtype=pl.Date())
    for form in DATE_FORMATS:
        if days.null_count() > text.null_count():
            days = days.zip_with(days.is_not_null(), text.str.to_date(form, strict=False))
    if days.null_count() > text.null_count():
        moments = _timestamp(text).dt.convert_time_zone(str(TIME_ZONE)).dt.date()
        days = days.zip_with(days.is_not_null(), moments)
    return days


def _in_our_time(values: pl.Series) -> pl.Series:
    return values.set(~values.dt.year().is_between(FIRST_YEAR, LAST_YEAR), None)


def _number(text: pl.Series, column: Column, by_hand: bool, parts: pl.Series | None) -> pl.Series:
    """Numbers. A comma is the decimal sign, as in Vietnamese, unless the value or its column shows otherwise.

    A point before three digits is a decimal point from a machine; by hand it groups thousands where only whole
    numbers can be (1.234 cases), and where the column writes its decimals with a comma.
    """
    if by_hand:
        text = text.str.replace_all(r"\s(\d{3})\b", "${1}")
        percent = text.str.ends_with("%").fill_null(False)
        if percent.any():  # of a column in percent 85 is kept, of any other 0.85
            text = text.str.strip_chars_end("%").str.strip_chars_end()
            numbers = _number(text, column, by_hand, parts)
            return numbers if column.unit == "%" else (numbers / 100).zip_with(percent, numbers)
    if not text.str.contains(r"[.,].*[.,]|,").any() and not (by_hand and column.type == "integer"):
        values = text.cast(pl.Float64(), strict=False)
    else:
        english = (text.str.contains(TWICE_GROUPED[","]) | text.str.contains(r",\d{3}\.")).fill_null(False)
        vietnamese = (text.str.contains(TWICE_GROUPED["."]) | text.str.contains(r"^-?[\d.]*,\d+$")).fill_null(False)
        vietnamese &= ~english
        if column.type == "integer":
            english |= text.str.contains(GROUPED[","]).fill_null(False)
            vietnamese &= ~english
        if by_hand and (column.type == "integer" or vietnamese.any()):
            grouped = text.str.contains(GROUPED["."]).fill_null(False)
            vietnamese |= grouped if column.type == "integer" or parts is None else grouped & _beside(vietnamese, parts)
        without_points = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
        without_commas = text.str.replace_all(",", "", literal=True)
        plain = without_points.zip_with(vietnamese, without_commas.zip_with(english, text))
        values = plain.cast(pl.Float64(), strict=False)
    return _numbers(values, column)


def _beside(found: pl.Series, parts: pl.Series) -> pl.Series:
    """Which values are of a part with any of those found."""
    return parts.is_in(parts.filter(found).unique().implode())


def _numbers(values: pl.Series, column: Column) -> pl.Series:
    """Numbers that are numbers; of a column of whole ones only these."""
    values = values.set(values.is_nan() | values.is_infinite(), None)
    if column.type == "number":
        return values
    whole = values.set(values != values.round(0), None)
    return whole.cast(pl.Int64(), strict=False)


def _timestamp(text: pl.Series) -> pl.Series:
    """Moments in UTC; one without a zone is local."""
    if text.str.contains(OURS).all():  # missing ones aside
        there = text.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
        return (there - timedelta(hours=7)).dt.replace_time_zone("UTC")
    stamp = text
    if text.str.contains(" ", literal=True).any():
        stamp = text.str.replace(r" +", "T").str.replace(r" +([+-])", "${1}")
    zoned = stamp.str.contains(ZONE).fill_null(False)
    with_zone = stamp.set(~zoned, None).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="us", time_zone="UTC"
    )
    if (zoned | text.is_null()).all():
        return with_zone
    local = stamp.set(zoned, None)
    found = pl.Series(text.name, [None] * len(text), dtype=pl.Datetime("us"))
    for form in (*LOCAL_TIME_FORMATS, *DATE_FORMATS):
        if found.null_count() > local.null_count():
            if "%H" in form:
                parsed = local.str.to_datetime(form, strict=False, time_unit="us")
            else:
                parsed = local.str.to_date(form, strict=False).cast(pl.Datetime("us"))
            found = found.zip_with(found.is_not_null(), parsed)
    return with_zone.zip_with(zoned, _localised(found).dt.convert_time_zone("UTC"))


def _localised(moments: pl.Series) -> pl.Series:
    """Local times with their zone. Of an hour that a change of the clock made twice it is the first."""
    return moments.dt.replace_time_zone(str(TIME_ZONE), non_existent="null", ambiguous="earliest")
