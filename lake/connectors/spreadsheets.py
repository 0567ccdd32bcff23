"""Tables that people make: CSV in any encoding used here, and Excel; titles may stand above the header."""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import polars as pl
import python_calamine

from lake.connectors.base import SourceFormatError, spelling
from lake.contract import Contract

HEADER_ROWS = 30  # titles may stand above the header, but not for longer
SEPARATORS = ",;\t|"
SPARE = 4  # columns past the header's last, to notice rows that are longer than it


@dataclass(frozen=True)
class Header:
    """The row that names the columns. row: its place from 0; names: "" for a cell without one; known: how many of
    them are the contract's."""

    row: int
    names: list[str]
    known: int

    def checked(self, contract: Contract, name: str) -> "Header":
        """The header, if no column of the contract is named twice in it."""
        asked = {spelling(source) for column in contract.columns for source in column.source_names}
        spelt = Counter(spelling(column) for column in self.names)
        twice = sorted(column for column in self.names if spelt[spelling(column)] > 1 and spelling(column) in asked)
        if twice:
            raise SourceFormatError(
                f"{contract.dataset}: {name}: column {', '.join(twice)} is there twice; keep one and deliver it again"
            )
        return self


def read_csv(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    """A CSV file as text columns. Raises SourceFormatError."""
    text = _text(contract, name, content)
    found = {separator: _csv_header(contract, text, separator) for separator in SEPARATORS}
    headers = {separator: header for separator, (header, _) in found.items() if header is not None}
    if not headers:
        raise _no_header(contract, name)
    separator = max(headers, key=lambda each: headers[each].known)
    header = headers[separator].checked(contract, name)
    body = io.StringIO(text)
    for _ in range(found[separator][1]):
        body.readline()
    places = [f"{at}" for at in range(len(header.names) + SPARE)]
    try:
        cells = pl.read_csv(
            body.read().encode(),
            has_header=False,
            separator=separator,
            schema=dict.fromkeys(places, pl.String()),
            missing_columns="insert",
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise _longer_rows(contract, name) from None
    beyond = cells.select(pl.any_horizontal(pl.col(places[-SPARE:]).fill_null("").str.strip_chars() != "").sum()).item()
    if beyond:
        raise _longer_rows(contract, name, beyond)
    cells = cells.filter(pl.any_horizontal(pl.all().fill_null("") != ""))
    return cells.select(pl.col(place).alias(column) for column, place in _unique(header.names, places).items())


def _unique(names: Sequence[str], places: Sequence[str]) -> dict[str, str]:
    """The first place of each name."""
    chosen: dict[str, str] = {}
    for name, place in zip(names, places, strict=False):
        if name:
            chosen.setdefault(name, place)
    return chosen


def _longer_rows(contract: Contract, name: str, rows: int | None = None) -> SourceFormatError:
    which = "rows" if rows is None else f"{rows} rows"
    return SourceFormatError(
        f"{contract.dataset}: {name}: {which} with more cells than the header, or a quotation mark that does not end; "
        "a number with a decimal comma must be in quotation marks or the separator a semicolon"
    )


def _csv_header(contract: Contract, text: str, separator: str) -> tuple[Header | None, int]:
    """The header if this separator shows one, and the number of lines up to its end."""
    rows: list[list[str]] = []
    ends: list[int] = []
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        for row in islice(reader, HEADER_ROWS):
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error:
        pass  # a cell larger than the reader takes: what was read before may still hold the header
    header = _header(contract, rows)
    return header, ends[header.row] if header else 0


def _text(contract: Contract, name: str, content: bytes) -> str:
    """The text of a file in UTF-8 (with or without mark), UTF-16 or Windows-1258."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = ["utf-16"]
    elif b"\0" in content[:200]:
        candidates = ["utf-16-le" if content[1:200:2].count(0) > content[0:200:2].count(0) else "utf-16-be"]
    else:
        candidates = ["utf-8-sig"] if _is_damaged_utf8(content) else ["utf-8-sig", "cp1258"]
    for encoding in candidates:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Windows-1258 writes tones as marks of their own: compose them
        return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    raise SourceFormatError(
        f"{contract.dataset}: {name} is neither whole UTF-8, UTF-16 nor Windows-1258; "
        "save it as UTF-8 and deliver it again"
    )


def _is_damaged_utf8(content: bytes) -> bool:
    """Whether text is UTF-8 but for some broken letters, as after a cut; in Windows-1258 most would be broken."""
    text = content.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    return 0 < broken < sum(not letter.isascii() for letter in text) - broken


def read_excel(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    """The sheets of a workbook that hold the contract's columns, one below the other. Raises SourceFormatError."""
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [(sheet, book.get_sheet_by_name(sheet).to_python()) for sheet in book.sheet_names]
    except python_calamine.PasswordError:
        raise SourceFormatError(f"{contract.dataset}: {name} has a password; deliver it without one") from None
    except (python_calamine.CalamineError, OSError, ValueError, pl.exceptions.PanicException):
        raise SourceFormatError(f"{contract.dataset}: {name} is no readable Excel file; deliver it again") from None
    tables = []
    for sheet, cells in sheets:
        rows: list[list[object]] = [[None if cell == "" else cell for cell in row] for row in cells]
        header = _header(contract, rows)
        if header is not None:
            tables.append(_sheet(header.checked(contract, f"{name}, sheet {sheet}"), rows))
        elif _most_known(contract, rows) > 1:  # no sheet of notes, but data whose header is broken
            raise _no_header(contract, f"{name}, sheet {sheet}")
    if not tables:
        raise _no_header(contract, name)
    return pl.concat(tables, how="diagonal_relaxed")


def _sheet(header: Header, rows: Sequence[Sequence[object]]) -> pl.DataFrame:
    body = [cells for cells in rows[header.row + 1 :] if any(cell is not None for cell in cells)]
    places = _unique(header.names, [str(at) for at in range(len(header.names))])
    columns = {
        name: [cells[int(at)] if int(at) < len(cells) else None for cells in body] for name, at in places.items()
    }
    return pl.DataFrame([_column(name, cells) for name, cells in columns.items()])


def _column(name: str, cells: list[object]) -> pl.Series:
    """A column of numbers as numbers, whole ones if all are; any other as text, dates and times in ISO 8601."""
    if all(cell is None or type(cell) in (int, float) for cell in cells):
        numbers = pl.Series(name, cells, dtype=pl.Float64(), strict=False)
        whole = (numbers == numbers.round(0)).fill_null(True) & (numbers.abs() < 2**53).fill_null(True)
        return numbers.cast(pl.Int64()) if whole.all() else numbers
    return pl.Series(name, [_cell_text(cell) for cell in cells], dtype=pl.String())


def _cell_text(cell: object) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


def _known(contract: Contract, row: Sequence[object]) -> int:
    """How many of the contract's columns a row of cells names."""
    names = {spelling(str(cell)) for cell in row if cell is not None}
    return sum(any(spelling(source) in names for source in column.source_names) for column in contract.columns)


def _most_known(contract: Contract, rows: Sequence[Sequence[object]]) -> int:
    return max((_known(contract, row) for row in rows[:HEADER_ROWS]), default=0)


def _header(contract: Contract, rows: Sequence[Sequence[object]]) -> Header | None:
    """The first row that names at least half of the columns that must be there."""
    needed = sum(not column.optional for column in contract.columns)
    for at, row in enumerate(rows[:HEADER_ROWS]):
        known = _known(contract, row)
        if known and 2 * known >= needed:
            return Header(at, ["" if cell is None else " ".join(str(cell).split()) for cell in row], known)
    return None


def _no_header(contract: Contract, name: str) -> SourceFormatError:
    expected = ", ".join(" or ".join(column.source_names) for column in contract.columns if not column.optional)
    return SourceFormatError(
        f"{contract.dataset}: {name}: no header found in the first {HEADER_ROWS} rows; expected columns {expected}"
    )
