"""From the table on a sheet to rows of records: totals and notes left out, periods put in, wide tables made long."""

import re
from collections.abc import Sequence
from fnmatch import translate
from string import Formatter

import polars as pl

from lake.connectors.base import SourceFormatError, spelling
from lake.connectors.file_source import layout
from lake.contract import Contract
from lake.places import PLACE
from lake.sources import SkipRows, Unpivot

BLANKS = r"[\u00a0\u2000-\u200a\u202f\u3000]"  # they look like a blank
NOTHINGS = r"[\u200b\u200c\u200d\u2060\ufeff]"  # they cannot be seen


def clean(text: pl.Expr) -> pl.Expr:
    """Texts that people typed or pasted, with plain blanks alone."""
    return text.str.replace_all(BLANKS, " ").str.replace_all(NOTHINGS, "")


def reshape(table: pl.DataFrame, contract: Contract, name: str) -> tuple[pl.DataFrame, int]:
    """The records of a file's table, and how many rows are none of them by the contract.

    Raises SourceFormatError if a column that the contract's source names is not there or the file's name does not
    tell the period.
    """
    source = layout(contract)
    rows = len(table)
    if source.until:
        table = _until(table, source.until)
    for rule in source.skip_rows:
        table = _without(table, rule, contract, name)
    skipped = rows - len(table)
    for column, pattern in source.from_name.items():
        table = table.with_columns(
            pl.lit(captured(pattern, [name], contract, f"nothing in the name {name}")).alias(column)
        )
    if source.unpivot:
        table = _unpivot(table, source.unpivot, contract, name)
    for column, text in source.compose.items():
        table = _compose(table, column, text, contract, name)
    return table, skipped


def with_titles(table: pl.DataFrame, contract: Contract, name: str, titles: Sequence[Sequence[object]]) -> pl.DataFrame:
    """The table with what the cells above its header tell of all its rows."""
    texts = [" ".join(str(cell).split()) for row in titles for cell in row if cell is not None]
    return table.with_columns(
        pl.lit(captured(pattern, texts, contract, f"{name}: no cell above the header")).alias(column)
        for column, pattern in layout(contract).from_title.items()
    )


def captured(pattern: str, texts: Sequence[str], contract: Contract, place: str) -> str:
    """What a pattern finds in the first text that it finds anything in.

    The groups year, quarter (1–4), month and day make an ISO date or month; otherwise the first group is the value.
    """
    found = next((one for text in texts if (one := re.search(pattern, text, re.IGNORECASE))), None)
    if found is None:
        raise SourceFormatError(
            f"{contract.dataset}: {place} tells what {pattern!r} looks for; mend the file or its name"
        )
    parts = {name: int(value) for name, value in found.groupdict().items() if value}
    if "year" not in parts:
        return str(found[1])
    month = parts.get("month", 3 * parts.get("quarter", 1) - 2)
    return f"{parts['year']:04}-{month:02}" + (f"-{parts['day']:02}" if "day" in parts else "")


def _looks_like(text: pl.Expr, patterns: Sequence[str]) -> pl.Expr:
    """Whether a text looks like a pattern with `*`, blanks and case aside; no text does not."""
    regex = "|".join(_rust(translate(spelling(pattern))) for pattern in patterns)
    plain = text.str.normalize("NFC").str.replace_all(r"\s+", " ").str.strip_chars().str.to_lowercase()
    return plain.str.contains(f"^(?:{regex})$").fill_null(False)


def _rust(pattern: str) -> str:
    """A pattern of Python's fnmatch as polars reads it."""
    return pattern.removeprefix("(?s:").replace(")\\Z", "").replace(")\\z", "")


def _until(table: pl.DataFrame, patterns: Sequence[str]) -> pl.DataFrame:
    """The rows of each sheet above the first whose first filled cell ends the table."""
    first = pl.coalesce(pl.col(name).cast(pl.String()).replace("", None) for name in table.columns if name != PLACE)
    sheet = pl.col(PLACE).struct.field("sheet") if PLACE in table.columns else pl.lit("")
    return table.filter(~_looks_like(first, patterns).cum_max().over(sheet))


def _without(table: pl.DataFrame, rule: SkipRows, contract: Contract, name: str) -> pl.DataFrame:
    there = [column for column in rule.column if _find(table, column)]
    if not there:
        raise _lacking(contract, name, " or ".join(rule.column))
    texts = [pl.col(str(_find(table, column))).cast(pl.String()) for column in there]
    return table.filter(~pl.any_horizontal(_looks_like(text, rule.values) for text in texts))


def _unpivot(table: pl.DataFrame, rule: Unpivot, contract: Contract, name: str) -> pl.DataFrame:
    wide = {column: found for column in table.columns if (found := re.fullmatch(rule.columns, column))}
    if not wide:
        raise _lacking(contract, name, rule.columns)
    kinds = {table.schema[column] for column in wide}
    if not all(kind.is_numeric() for kind in kinds):  # a number beside texts is no number that a person grouped
        table = table.with_columns(pl.col(column).cast(pl.String()) for column in wide)
    rest = [column for column in table.columns if column not in wide]
    long = table.unpivot(list(wide), index=rest, variable_name=rule.name, value_name=rule.value)
    names = {column: found[1] if found.re.groups else column for column, found in wide.items()}
    if PLACE in rest:  # the column that each value stood in
        letter = pl.coalesce(
            pl.when(pl.col(rule.name) == column).then(
                pl.col(PLACE).struct.field("columns").str.extract(f"\t{pl.escape_regex(column)}=([A-Z]+)\t")
            )
            for column in wide
        )
        columns = pl.concat_str(
            pl.col(PLACE).struct.field("columns"), pl.lit(f"{rule.value}="), letter, pl.lit(f"\t{rule.name}="), letter,
            pl.lit("\t"),
        )  # fmt: skip
        long = long.with_columns(pl.col(PLACE).struct.with_fields(columns=columns))
    return long.with_columns(pl.col(rule.name).replace(names))


def _compose(table: pl.DataFrame, column: str, text: str, contract: Contract, name: str) -> pl.DataFrame:
    parts: list[pl.Expr] = []
    used = []
    for literal, asked, _, _ in Formatter().parse(text):
        parts.append(pl.lit(literal))
        if asked is not None:
            found = _find(table, asked)
            if found is None:
                raise _lacking(contract, name, asked)
            used.append(found)
            parts.append(pl.col(found).cast(pl.String()).str.strip_chars())
    wanted = {spelling(source) for one in contract.columns for source in one.source_names}
    made = table.with_columns(pl.concat_str(parts).alias(column))
    return made.drop(one for one in used if one != column and spelling(one) not in wanted)


def _find(table: pl.DataFrame, name: str) -> str | None:
    return next((column for column in table.columns if spelling(column) == spelling(name)), None)


def _lacking(contract: Contract, name: str, column: str) -> SourceFormatError:
    return SourceFormatError(
        f"{contract.dataset}: {name}: no column {column}, which the contract's `source` names; found no such name, "
        "ask the source to deliver it or mend the contract"
    )
