"""CSV in any encoding and with any separator used here; titles may stand above the header."""

import csv
import io
import unicodedata
from itertools import islice

import polars as pl

from lake.connectors.base import SourceFormatError
from lake.connectors.headers import HEADER_ROWS, Header, find_header, no_header
from lake.connectors.reshape import clean, with_titles
from lake.contract import Contract
from lake.places import PLACE, place_column

SEPARATORS = ",;\t|"
SPARE = 4  # columns past the header's last, to notice rows that are longer than it


def read_csv(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    """A CSV file as text columns and the rows' places. Raises SourceFormatError."""
    text = _text(contract, name, content)
    found = {separator: _csv_header(contract, text, separator) for separator in SEPARATORS}
    headers = {separator: header for separator, (header, _, _) in found.items() if header is not None}
    if not headers:
        raise no_header(contract, name)
    separator = max(headers, key=lambda each: headers[each].known)
    header = headers[separator].checked(contract, name)
    body = io.StringIO(text)
    for _ in range(found[separator][1]):
        body.readline()
    columns = [f"{at}" for at in range(len(header.names) + SPARE)]
    try:
        cells = pl.read_csv(
            body.read().encode(),
            has_header=False,
            separator=separator,
            schema=dict.fromkeys(columns, pl.String()),
            missing_columns="insert",
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise _longer_rows(contract, name) from None
    beyond = cells.select(pl.any_horizontal(pl.col(columns[-SPARE:]).fill_null("").str.strip_chars() != "").sum())
    if beyond.item():
        raise _longer_rows(contract, name, beyond.item())
    cells = cells.with_row_index("row", offset=header.row + 2)
    cells = cells.filter(pl.any_horizontal(pl.col(columns).fill_null("") != ""))
    table = cells.select(clean(pl.col(columns[place])).alias(column) for column, place in header.places.items())
    table = table.with_columns(place_column("", cells["row"], header.places).alias(PLACE))
    return with_titles(table, contract, name, found[separator][2][: header.top])


def _longer_rows(contract: Contract, name: str, rows: int | None = None) -> SourceFormatError:
    which = "rows" if rows is None else f"{rows} rows"
    return SourceFormatError(
        f"{contract.dataset}: {name}: {which} with more cells than the header, or a quotation mark that does not end; "
        "a number with a decimal comma must be in quotation marks or the separator a semicolon"
    )


def _csv_header(contract: Contract, text: str, separator: str) -> tuple[Header | None, int, list[list[str]]]:
    """The header if this separator shows one, the number of lines up to its end, and the first rows."""
    rows: list[list[str]] = []
    ends: list[int] = []
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        for row in islice(reader, HEADER_ROWS):
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error:
        pass  # a cell larger than the reader takes: what was read before may still hold the header
    header = find_header(contract, rows)
    return header, ends[header.row] if header else 0, rows


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
