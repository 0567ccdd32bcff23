"""The door: decode → rename → protect → check → accepted or quarantined, a whole extract at a time.

Nothing leaves this module with a plain identifier in it, neither rows nor reasons nor errors.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from lake.betrayal import betrayed
from lake.connectors.base import SourceFormatError, spelling
from lake.contract import POLARS_TYPES, Contract
from lake.free_text import scrub, without_own
from lake.places import PLACE, broken_cells
from lake.pseudonyms import HIDDEN, Key, hide_numbers, hide_numbers_in, pseudonymise
from lake.references import Units
from lake.settings import TIME_ZONE
from lake.values import as_text, is_native, read_native, read_values

QUARANTINE_SCHEMA = pl.Schema(
    {
        "_load_id": pl.String(),
        "record_id": pl.String(),  # the source's own key, protected where the contract protects it
        "unit_code": pl.String(),
        "reasons": pl.List(pl.String()),  # codes such as range:birth_year
        "reason_text": pl.String(),  # Vietnamese
        "row": pl.String(),  # the kept columns as JSON of texts, identifiers protected; `_place`: its cells in a file
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
    "mismatch": "không khớp với mã đơn vị trong danh mục quốc gia",
    "identifier": "chứa số định danh của chính người trong bản ghi",
}
DUPLICATE = "duplicate"
DUPLICATE_SENTENCE = "Bản ghi trùng lặp trong cùng một lần nạp"


@dataclass(frozen=True)
class Admitted:
    """What passed and what did not; received = accepted + quarantined.

    accepted: by the contract's row schema, `_load_id` null until the load has one. texts: `_load_id`, the
    key and the scrubbed free texts of accepted rows, in their order; None if the contract has none. quarantined: by
    QUARANTINE_SCHEMA and `_at`, the row's update time or period where it could be read (null otherwise).
    drift: names of source columns that the contract does not know; their values were not kept.
    accepted_parts, quarantined_parts: which of the tables that came together each row is of; None of one alone.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    drift: list[str]
    texts: pl.DataFrame | None = None
    accepted_parts: pl.Series | None = None
    quarantined_parts: pl.Series | None = None


@dataclass
class Seen:
    """What was accepted of a reading before, so that copies in later parts are known.

    parts: of each part fingerprints of key and update time (UInt64), and the first and last update time (None where
    the contract has none): parts of other times hold no copies and need not be compared.
    """

    parts: list[tuple[pl.Series, Any, Any]] = field(default_factory=list)

    def among(self, fingerprints: pl.Series, first: Any, last: Any) -> pl.Series:
        """Which rows of a part were accepted before."""
        found = pl.repeat(False, len(fingerprints), eager=True)
        for known, begin, end in self.parts:
            if first is None or begin is None or (first <= end and begin <= last):
                found |= fingerprints.is_in(known.implode())
        return found


def admit(
    table: pl.DataFrame,
    contract: Contract,
    units: Units | None,
    key: Key,
    now: datetime,
    seen: Seen | None = None,
    parts: pl.Series | None = None,
) -> Admitted:
    """Pass a table with the source's column names through the door.

    seen: of the parts of the same reading that passed before; what passes is added. parts: which of several tables
    each row is of, where files come together: each row is judged as if its own were alone.
    Raises SourceFormatError if a column that must be there is missing.
    """
    chosen = _chosen_columns(table, contract)
    native = {c.name for c in contract.columns if c.name in chosen and is_native(table[chosen[c.name]], c)}
    raw = table.select(  # text, but for what needs no reading
        table[chosen[column.name]].alias(column.name)
        if column.name in native
        else as_text(table[chosen[column.name]], column).alias(column.name)
        if column.name in chosen
        else pl.lit(None if column.default is None else str(column.default), pl.String()).alias(column.name)
        for column in contract.columns
    )
    # numbers that people wrote into a file may have points between the thousands; those of a machine never do
    by_hand = {c for c, source in chosen.items() if contract.protocol == "files" and table[source].dtype == pl.String}
    fits = {c.name: _fits(raw[c.name], c.pattern) for c in contract.columns if c.pattern}
    told = betrayed(raw, contract)
    safe = _protect(raw, contract, key)
    typed = safe.select(
        read_native(safe[c.name], c) if c.name in native else read_values(safe[c.name], c, c.name in by_hand, parts)
        for c in contract.kept_columns
    )
    typed, unknown = _resolve_units(typed, contract, units)
    unknown |= _mismatches(typed, contract, units)
    flags = _flags(safe, typed, contract, fits, unknown, told, now, seen, parts)
    bad = pl.repeat(False, len(typed), eager=True)
    if flags.width:
        bad = flags.select(pl.any_horizontal(pl.all())).to_series()
    own = [pl.lit(None).alias(name) for name in contract.row_schema if name not in typed.columns]  # not the source's
    accepted = typed.filter(~bad).with_columns(own).select(list(contract.row_schema))
    if seen is not None and not bad.all():
        passed = typed.filter(~bad)
        seen.parts.append((_fingerprints(passed, _identity(contract)), *_times(passed, contract)))
    broken = flags.filter(bad) if flags.width else flags
    cells = broken_cells(table[PLACE].filter(bad), broken, chosen) if PLACE in table.columns else None
    refused = safe.filter(bad)
    refused = refused.with_columns(as_text(refused[c.name], c) for c in contract.kept_columns if c.name in native)
    return Admitted(
        accepted=accepted.cast(dict(contract.row_schema)),  # type: ignore[arg-type]
        quarantined=_quarantine(refused, typed.filter(bad), broken, contract, cells),
        drift=sorted(hide_numbers_in(name) for name in set(table.columns) - {*chosen.values(), PLACE}),
        texts=_texts(raw, typed, contract).filter(~bad) if contract.text_columns else None,
        accepted_parts=None if parts is None else parts.filter(~bad),
        quarantined_parts=None if parts is None else parts.filter(bad),
    )


def _chosen_columns(table: pl.DataFrame, contract: Contract) -> dict[str, str]:
    """For each column of the contract the source column that is read for it."""
    there = {spelling(name): name for name in reversed(table.columns)}  # of two alike the first
    chosen: dict[str, str] = {}
    lacking = []
    for column in contract.columns:
        found = next((there[spelling(name)] for name in column.source_names if spelling(name) in there), None)
        if found is not None:
            chosen[column.name] = found
        elif not column.optional:
            lacking.append(" or ".join(column.source_names))
    if lacking:
        found_names = hide_numbers_in(", ".join(sorted(table.columns)))
        raise SourceFormatError(
            f"{contract.dataset}: column {', '.join(lacking)} is missing; found are {found_names}. "
            "Ask the source to deliver it, or name its new spelling in the contract under `source`"
        )
    return chosen


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


def _texts(raw: pl.DataFrame, typed: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The free texts without identifiers, beside the key of their row."""
    own = [raw[column.name] for column in contract.columns if column.protect in ("pseudonym", "drop")]
    scrubbed = [without_own(scrub(raw[column.name]), own).alias(column.name) for column in contract.text_columns]
    return typed.select(contract.key).select(pl.lit(None, pl.String()).alias("_load_id"), pl.all(), *scrubbed)


def _resolve_units(
    typed: pl.DataFrame, contract: Contract, units: Units | None
) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Unit columns as codes, and by the code of the rule which of their values name no unit."""
    unknown = {}
    for column in contract.kept_columns:
        reference = column.unit_reference
        if reference is None or reference.agrees_with:
            continue
        if units is None:
            raise ValueError(f"{contract.dataset} names units: admit() needs them")
        asked = typed[column.name]
        codes = units.resolve(asked, reference, typed[reference.at] if reference.at else None).alias(column.name)
        unknown[f"unknown_unit:{column.name}"] = asked.is_not_null() & codes.is_null()
        typed = typed.with_columns(codes)
    return typed, unknown


def _mismatches(typed: pl.DataFrame, contract: Contract, units: Units | None) -> dict[str, pl.Series]:
    """By the code of the rule, which rows give beside a unit's code the name of another unit."""
    named = {
        column.name: column.unit_reference.agrees_with
        for column in contract.kept_columns
        if column.unit_reference and column.unit_reference.agrees_with
    }
    if named and units is None:
        raise ValueError(f"{contract.dataset} names units: admit() needs them")
    return {f"mismatch:{name}": ~units.agrees(typed[name], typed[code]) for name, code in named.items() if units}


def _flags(
    safe: pl.DataFrame,
    typed: pl.DataFrame,
    contract: Contract,
    fits: dict[str, pl.Series],
    unknown: dict[str, pl.Series],
    told: dict[str, pl.Series],
    now: datetime,
    seen: Seen | None,
    parts: pl.Series | None,
) -> pl.DataFrame:
    """One boolean column a rule, named by its code; true where a row breaks it. Rules nobody breaks are left out."""
    broken: dict[str, pl.Series] = {}
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
            outside = pl.repeat(False, len(value), eager=True)
            if low is not None:
                outside |= (value < low).fill_null(False)
            if high is not None:
                outside |= (value > high).fill_null(False)
            broken[f"range:{name}"] = outside
        if column.not_future:
            limit = now if column.type == "timestamp" else now.astimezone(TIME_ZONE).date()
            broken[f"future:{name}"] = (value > limit).fill_null(False)
    broken |= unknown
    broken |= {f"pattern:{name}": ~fit for name, fit in fits.items()}
    broken |= {f"identifier:{name}": found for name, found in told.items()}
    broken |= _failed_checks(typed, contract)
    broken[DUPLICATE] = _duplicates(typed, contract, broken, seen, parts)
    rows = pl.DataFrame({"row": pl.repeat(True, len(typed), eager=True)})
    return rows.select(series.alias(code) for code, series in broken.items() if series.any())


def _failed_checks(typed: pl.DataFrame, contract: Contract) -> dict[str, pl.Series]:
    """Which rows fail each check; one whose answer is unknown, because a value is missing, does not."""
    local = typed.with_columns(
        pl.col(name).dt.convert_time_zone(str(TIME_ZONE)).dt.replace_time_zone(None)
        for name, dtype in typed.schema.items()
        if isinstance(dtype, pl.Datetime)
    )
    failed = {}
    for check in contract.checks:
        try:
            holds = local.select(pl.sql_expr(check.expression).alias("holds")).to_series()
        except pl.exceptions.PolarsError:  # its message may hold values of rows
            raise SourceFormatError(
                f"{contract.dataset}: check {check.name} cannot be computed on these rows; mend its expression"
            ) from None
        failed[f"check:{check.name}"] = (~holds).fill_null(False)
    return failed


def _identity(contract: Contract) -> list[str]:
    """Key and update time: rows that agree in them are copies."""
    return contract.key + ([contract.updated_at] if contract.updated_at else [])


def _fingerprints(typed: pl.DataFrame, identity: list[str]) -> pl.Series:
    """Of what each row is known by."""
    return typed.select(pl.struct(identity).hash()).to_series()


def _times(typed: pl.DataFrame, contract: Contract) -> tuple[Any, Any]:
    """The first and the last update time; None without any."""
    return (typed[contract.updated_at].min(), typed[contract.updated_at].max()) if contract.updated_at else (None, None)


def _duplicates(
    typed: pl.DataFrame,
    contract: Contract,
    broken: dict[str, pl.Series],
    seen: Seen | None,
    parts: pl.Series | None,
) -> pl.Series:
    """All but one of the rows with the same key and update time; the one that stays is a good one, if there is any.

    Rows of different parts are no copies: a later file is a new edition.
    """
    identity = _identity(contract)
    known = typed.select(pl.all_horizontal(pl.col(identity).is_not_null())).to_series()
    if parts is not None:
        typed = typed.with_columns(parts.alias("_part"))
        identity = [*identity, "_part"]
    fingerprints = _fingerprints(typed, identity)
    again = pl.repeat(False, len(typed), eager=True)
    alike = fingerprints.is_duplicated()  # few rows, as a rule none: only they are compared
    if alike.any():
        bad = pl.repeat(False, len(typed), eager=True)
        for rule in broken.values():
            bad |= rule
        rows = typed.with_row_index("_index").select("_index", pl.struct(identity).alias("identity"))
        rows = rows.with_columns(bad=bad, known=known).filter(alike)
        best_first = rows.sort("bad", maintain_order=True)
        copies = best_first.filter(~pl.col("identity").is_first_distinct() & pl.col("known"))["_index"]
        again = pl.select(pl.int_range(len(typed), dtype=pl.UInt32()).is_in(copies.implode())).to_series()
    return again if seen is None else again | (seen.among(fingerprints, *_times(typed, contract)) & known)


def _sentence(code: str, contract: Contract) -> str:
    kind, _, name = code.partition(":")
    if kind == DUPLICATE:
        return DUPLICATE_SENTENCE
    if kind == "check":
        return next(check.message for check in contract.checks if check.name == name)
    column = next(column for column in contract.columns if column.name == name)
    allowed = ""
    if kind == "range" and column.range:
        low, high = (None if bound is None else f"{bound:g}" for bound in column.range)
        allowed = f" ({low}–{high})" if low and high else f" (từ {low})" if low else f" (đến {high})"
    return f"{column.label}: {SENTENCES[kind]}{allowed}"


def _quarantine(
    safe: pl.DataFrame, typed: pl.DataFrame, flags: pl.DataFrame, contract: Contract, cells: pl.Series | None
) -> pl.DataFrame:
    """Refused rows with every reason that applies. cells: where they stand in a file, for people to find them."""
    shown = _without_strays(safe, flags, contract)
    at = contract.updated_at or contract.period
    codes = flags.columns
    reasons = pl.Series([], dtype=pl.List(pl.String()))
    if codes:
        listed = pl.concat_list(pl.when(pl.col(code)).then(pl.lit(code)) for code in codes).list.drop_nulls()
        reasons = flags.select(listed).to_series()
    sentences = {code: _sentence(code, contract) for code in codes}
    unit = contract.unit_column
    nothing = pl.Series([None] * len(safe), dtype=pl.String())
    found_unit = typed[unit].zip_with(typed[unit].is_not_null(), shown[unit]) if unit else nothing
    return pl.DataFrame(
        {
            "_load_id": nothing,
            "record_id": shown.select(pl.concat_str(contract.key, separator="|", ignore_nulls=True)).to_series(),
            "unit_code": found_unit,
            "reasons": reasons,
            "reason_text": reasons.list.eval(pl.element().replace(sentences)).list.join("; "),
            "row": (shown if cells is None else shown.with_columns(cells.alias(PLACE)))
            .select(pl.struct(pl.all()).struct.json_encode())
            .to_series(),
        }
    ).with_columns((typed[at] if at else pl.Series([None] * len(safe), dtype=pl.Date())).alias("_at"))


def _without_strays(safe: pl.DataFrame, flags: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The rows without identifiers that stand where none belongs.

    A value that broke a rule of its column can be anything, such as the citizen number of a row whose columns were
    exchanged: its long numbers are hidden.
    """
    hidden = []
    for column in contract.kept_columns:
        if column.protect:
            continue
        name = column.name
        values = safe[name]
        # of a day or a moment that could be read, nothing but digits of a date is there
        kinds = ("type",) if column.type in ("date", "month", "timestamp") else ("type", "value", "range", "pattern")
        strange = [flags[f"{kind}:{name}"] for kind in (*kinds, "unknown_unit") if f"{kind}:{name}" in flags.columns]
        for flag in strange:
            values = hide_numbers(values).zip_with(flag, values)
        if f"identifier:{name}" in flags.columns:
            values = values.set(flags[f"identifier:{name}"], HIDDEN)
        hidden.append(values)
    return safe.with_columns(hidden)
