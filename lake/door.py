"""The door: decode → rename → protect → check → accepted or quarantined, a whole extract at a time.

Nothing leaves this module with a plain identifier in it, neither rows nor reasons nor errors.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from lake.connectors.base import SourceFormatError
from lake.contract import POLARS_TYPES, Column, Contract
from lake.pseudonyms import Key, pseudonymise
from lake.references import Units
from lake.settings import TIME_ZONE

QUARANTINE_SCHEMA = pl.Schema(
    {
        "_load_id": pl.String(),
        "record_id": pl.String(),  # the source's own key, protected where the contract protects it
        "unit_code": pl.String(),
        "reasons": pl.List(pl.String()),  # codes such as range:birth_year
        "reason_text": pl.String(),  # Vietnamese
        "row": pl.String(),  # the kept columns as JSON of texts, identifiers protected
    }
)
SENTENCES = {
    "missing": "thiếu giá trị bắt buộc",
    "type": "sai kiểu dữ liệu",
    "range": "ngoài khoảng cho phép",
    "pattern": "sai định dạng",
    "value": "không thuộc danh mục cho phép",
    "future": "ở thời điểm tương lai",
    "unknown_unit": "không phải đơn vị hành chính đã biết",
}
DUPLICATE = "duplicate"
DUPLICATE_SENTENCE = "Bản ghi trùng lặp trong cùng một lần nạp"
DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
MONTH_FORMATS = ("%Y-%m", "%m/%Y", "%m-%Y")


@dataclass(frozen=True)
class Admitted:
    """What passed and what did not; received = accepted + quarantined.

    accepted: by the contract's row schema, `_load_id` null until the load has one. quarantined: by
    QUARANTINE_SCHEMA and `_at`, the row's update time or period where it could be read (null otherwise).
    drift: names of source columns that the contract does not know; their values were not kept.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    drift: list[str]


def admit(table: pl.DataFrame, contract: Contract, units: Units | None, key: Key, now: datetime) -> Admitted:
    """Pass a table with the source's column names through the door.

    Raises SourceFormatError if a column that must be there is missing.
    """
    chosen = _chosen_columns(table, contract)
    raw = table.select(
        _as_text(table[chosen[column.name]], column).alias(column.name)
        if column.name in chosen
        else pl.lit(None if column.default is None else str(column.default), pl.String()).alias(column.name)
        for column in contract.columns
    )
    fits = {c.name: _fits(raw[c.name], c.pattern) for c in contract.columns if c.pattern}
    safe = _protect(raw, contract, key)
    typed = safe.select(_typed(safe[column.name], column) for column in contract.kept_columns)
    typed, unknown = _resolve_units(typed, contract, units)
    flags = _flags(safe, typed, contract, fits, unknown, now)
    bad = pl.repeat(False, len(typed), eager=True)
    if flags.width:
        bad = flags.select(pl.any_horizontal(pl.all())).to_series()
    accepted = typed.filter(~bad).select(pl.lit(None, pl.String()).alias("_load_id"), pl.all())
    return Admitted(
        accepted=accepted.cast(dict(contract.row_schema)),  # type: ignore[arg-type]
        quarantined=_quarantine(
            safe.filter(bad), typed.filter(bad), flags.filter(bad) if flags.width else flags, contract
        ),
        drift=sorted(set(table.columns) - set(chosen.values())),
    )


def _chosen_columns(table: pl.DataFrame, contract: Contract) -> dict[str, str]:
    """For each column of the contract the source column that is read for it."""
    there = {name.strip(): name for name in table.columns}
    chosen: dict[str, str] = {}
    lacking = []
    for column in contract.columns:
        found = next((there[name] for name in column.source_names if name in there), None)
        if found is not None:
            chosen[column.name] = found
        elif not column.optional:
            lacking.append(" or ".join(column.source_names))
    if lacking:
        raise SourceFormatError(
            f"{contract.dataset}: column {', '.join(lacking)} is missing; found are {', '.join(sorted(there))}. "
            "Ask the source to deliver it, or name its new spelling in the contract under `source`"
        )
    return chosen


def _as_text(values: pl.Series, column: Column) -> pl.Series:
    """Values as trimmed text; empty ones and the contract's spellings of "no value" are null."""
    if isinstance(values.dtype, (pl.Struct, pl.List, pl.Array, pl.Object, pl.Binary)):
        text = values.map_elements(str, return_dtype=pl.String())
    elif isinstance(values.dtype, pl.Datetime):
        zoned = values if values.dtype.time_zone else values.dt.replace_time_zone(str(TIME_ZONE), non_existent="null")
        text = zoned.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f%z")
    else:
        text = values.cast(pl.String())
    text = text.str.strip_chars()
    text = text.set(text == "", None)
    if column.missing:
        text = text.set(text.is_in(column.missing), None)
    if column.map:
        text = text.replace(column.map)
    return text


def _fits(values: pl.Series, pattern: str | None) -> pl.Series:
    """Whether each value matches the whole pattern; a missing one does."""
    return values.str.contains(f"^(?:{pattern})$").fill_null(True)


def _protect(raw: pl.DataFrame, contract: Contract, key: Key) -> pl.DataFrame:
    """Pseudonyms for identifiers; columns to drop are gone from here on."""
    kept = raw.select(column.name for column in contract.kept_columns)
    return kept.with_columns(
        pseudonymise(kept[column.name], key).alias(column.name)
        for column in contract.kept_columns
        if column.protect == "pseudonym"
    )


def _typed(text: pl.Series, column: Column) -> pl.Series:
    """Values by the contract's type; what cannot be read as such is null."""
    if column.protect or column.type == "text":
        return text
    if column.type in ("integer", "number"):
        return _number(text, column)
    if column.type == "boolean":
        lower = text.str.to_lowercase()
        words = {"true": True, "1": True, "có": True, "false": False, "0": False, "không": False}
        return lower.replace_strict(list(words), list(words.values()), default=None, return_dtype=pl.Boolean())
    if column.type == "timestamp":
        return _timestamp(text)
    formats = MONTH_FORMATS + DATE_FORMATS if column.type == "month" else DATE_FORMATS
    # a date written with its time zone is the local day of that moment
    moment = _timestamp(text.set(~text.str.contains(r"T.*(Z|[+-]\d\d:?\d\d)$").fill_null(False), None))
    days = moment.dt.convert_time_zone(str(TIME_ZONE)).dt.date()
    for form in formats:
        if days.null_count() == text.null_count():
            break
        asked = (
            text + "-01"
            if form == "%Y-%m"
            else "01/" + text
            if form == "%m/%Y"
            else "01-" + text
            if form == "%m-%Y"
            else text
        )
        full = {"%Y-%m": "%Y-%m-%d", "%m/%Y": "%d/%m/%Y", "%m-%Y": "%d-%m-%Y"}.get(form, form)
        parsed = (
            asked.str.to_datetime(full, strict=False, time_unit="us").dt.date()
            if "H" in full
            else asked.str.to_date(full, strict=False)
        )
        days = pl.select(pl.coalesce(days, parsed)).to_series()
    days = days.alias(column.name)
    return days.dt.month_start() if column.type == "month" else days


def _number(text: pl.Series, column: Column) -> pl.Series:
    """Numbers; with a decimal comma the points are thousands (1.234,5)."""
    comma = text.str.contains(r"^-?[\d.]*,\d+$").fill_null(False)
    plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    values = text.zip_with(~comma, plain).cast(pl.Float64(), strict=False)
    values = values.set(values.is_nan() | values.is_infinite(), None)
    if column.type == "number":
        return values
    whole = values.set(values != values.round(0), None)
    return whole.cast(pl.Int64(), strict=False)


def _timestamp(text: pl.Series) -> pl.Series:
    """Moments in UTC; one without a zone is local."""
    zoned = text.str.contains(r"(Z|[+-]\d\d:?\d\d)$").fill_null(False)
    name = text.name
    frame = pl.DataFrame({"t": text, "zoned": zoned})
    stamp = pl.col("t").str.replace(" ", "T", literal=True)
    with_zone = (
        pl.when("zoned")
        .then(stamp)
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="us", time_zone="UTC")
    )
    local = pl.when(~pl.col("zoned")).then(stamp)
    without = pl.coalesce(
        local.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"),
        local.str.to_datetime("%d/%m/%YT%H:%M:%S", strict=False, time_unit="us"),
        local.str.to_datetime("%d/%m/%YT%H:%M", strict=False, time_unit="us"),
        local.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")),
        local.str.to_date("%d/%m/%Y", strict=False).cast(pl.Datetime("us")),
    )
    without = without.dt.replace_time_zone(str(TIME_ZONE), non_existent="null").dt.convert_time_zone("UTC")
    if not zoned.any():
        return frame.select(without.alias(name)).to_series()
    if zoned.all() or (zoned | text.is_null()).all():
        return frame.select(with_zone.alias(name)).to_series()
    return frame.select(pl.coalesce(with_zone, without).alias(name)).to_series()


def _resolve_units(
    typed: pl.DataFrame, contract: Contract, units: Units | None
) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Unit columns as codes, and for each of them which values name no unit."""
    unknown = {}
    for column in contract.kept_columns:
        reference = column.unit_reference
        if reference is None:
            continue
        if units is None:
            raise ValueError(f"{contract.dataset} names units: admit() needs them")
        asked = typed[column.name]
        codes = units.resolve(asked, reference, typed[reference.at] if reference.at else None).alias(column.name)
        unknown[column.name] = asked.is_not_null() & codes.is_null()
        typed = typed.with_columns(codes)
    return typed, unknown


def _flags(
    safe: pl.DataFrame,
    typed: pl.DataFrame,
    contract: Contract,
    fits: dict[str, pl.Series],
    unknown: dict[str, pl.Series],
    now: datetime,
) -> pl.DataFrame:
    """One boolean column a rule, named by its code; true where a row breaks it. Rules nobody breaks are left out."""
    broken: dict[str, pl.Series] = {}
    local_now = now.astimezone(TIME_ZONE)
    for column in contract.kept_columns:
        name, text, value = column.name, safe[column.name], typed[column.name]
        if column.required:
            broken[f"missing:{name}"] = text.is_null()
        if POLARS_TYPES[column.type] != pl.String and not column.protect:
            broken[f"type:{name}"] = text.is_not_null() & value.is_null()
        if column.values:
            broken[f"value:{name}"] = ~text.is_in(column.values) & text.is_not_null()
        if column.range:
            low, high = column.range
            inside = pl.select(
                (value >= low if low is not None else pl.lit(True))
                & (value <= high if high is not None else pl.lit(True))
            ).to_series()
            broken[f"range:{name}"] = (~inside).fill_null(False)
        if column.not_future:
            limit = now if column.type == "timestamp" else local_now.date()
            broken[f"future:{name}"] = (value > limit).fill_null(False)
        if name in unknown:
            broken[f"unknown_unit:{name}"] = unknown[name]
    for name, fit in fits.items():
        broken[f"pattern:{name}"] = ~fit
    for check in contract.checks:
        holds = typed.select(pl.sql_expr(check.expression).alias("holds")).to_series()
        broken[f"check:{check.name}"] = (~holds).fill_null(False)
    identity = contract.key + ([contract.updated_at] if contract.updated_at else [])
    broken[DUPLICATE] = (~typed.select(pl.struct(identity).is_first_distinct()).to_series()) & typed.select(
        pl.all_horizontal(pl.col(identity).is_not_null())
    ).to_series()
    rows = pl.DataFrame({"row": pl.repeat(True, len(typed), eager=True)})
    return rows.select(series.alias(code) for code, series in broken.items() if series.any())


def _sentence(code: str, contract: Contract) -> str:
    kind, _, name = code.partition(":")
    if kind == DUPLICATE:
        return DUPLICATE_SENTENCE
    if kind == "check":
        return next(check.message for check in contract.checks if check.name == name)
    label = next(column.label for column in contract.columns if column.name == name)
    return f"{label}: {SENTENCES[kind]}"


def _quarantine(safe: pl.DataFrame, typed: pl.DataFrame, flags: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Refused rows with every reason that applies."""
    at = contract.updated_at or contract.period
    codes = flags.columns
    reasons = pl.Series([], dtype=pl.List(pl.String()))
    if codes:
        listed = pl.concat_list(pl.when(pl.col(code)).then(pl.lit(code)) for code in codes).list.drop_nulls()
        reasons = flags.select(listed).to_series()
    sentences = {code: _sentence(code, contract) for code in codes}
    unit = contract.unit_column
    return pl.DataFrame(
        {
            "_load_id": pl.Series([None] * len(safe), dtype=pl.String()),
            "record_id": safe.select(pl.concat_str(contract.key, separator="|", ignore_nulls=True)).to_series(),
            "unit_code": safe[unit] if unit else pl.Series([None] * len(safe), dtype=pl.String()),
            "reasons": reasons,
            "reason_text": reasons.list.eval(pl.element().replace(sentences)).list.join("; "),
            "row": safe.select(pl.struct(pl.all()).struct.json_encode()).to_series(),
        }
    ).with_columns((typed[at] if at else pl.Series([None] * len(safe), dtype=pl.Date())).alias("_at"))
