"""Files in a folder: CSV, Excel, Parquet, GeoJSON. They are read, never moved or changed."""

import csv
import hashlib
import io
import time
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import orjson
import polars as pl
import python_calamine
from shapely.geometry import shape

from lake.connectors.base import Extract, SourceError, SourceFile, SourceFormatError, Window, setting
from lake.contract import Contract
from lake.settings import Settings, SettingsError

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp")
SETTLE_SECONDS = 2.0  # a file that changed this recently may still be written
HEADER_ROWS = 30  # titles may stand above the header, but not for longer


def read(
    contract: Contract, window: Window | None, settings: Settings, skip: Collection[str] = frozenset()
) -> Iterator[Extract]:
    """One extract a file, oldest first; values are text unless the file itself has types.

    skip: SHA-256 of contents read before. A file that cannot be read comes as an extract with `error`.
    Raises SourceError if the folder is not there.
    """
    for path in complete_files(contract, settings):
        content = path.read_bytes()
        file = SourceFile(path.name, hashlib.sha256(content).hexdigest())
        if file.sha256 in skip:
            continue
        try:
            yield Extract(_decode(contract, path.name, content), file)
        except SourceFormatError as error:
            yield Extract(pl.DataFrame(), file, error)


def complete_files(contract: Contract, settings: Settings) -> list[Path]:
    """The files that match the contract's patterns and are no longer written, oldest first."""
    try:
        folder = Path(setting(settings, contract.source["folder"]))
    except SettingsError:
        if contract.source.get("optional"):
            return []
        raise
    if not folder.is_dir():
        if contract.source.get("optional"):
            return []
        raise SourceError(
            f"{contract.dataset}: the folder {contract.source['folder']} is not there; mount it or mend the setting"
        )
    found = {
        path: path.stat()
        for pattern in contract.source["patterns"]
        for path in folder.glob(pattern)
        if path.is_file() and not path.name.startswith(("~$", ".")) and path.suffix not in UNFINISHED
    }
    settled = [path for path, stat in found.items() if time.time() - stat.st_mtime > SETTLE_SECONDS]
    fresh = [path for path in found if path not in set(settled)]
    if fresh:  # look twice: complete is what does not grow
        time.sleep(SETTLE_SECONDS / 4)
        settled += [path for path in fresh if path.stat().st_size == found[path].st_size]
    return sorted(settled, key=lambda path: (found[path].st_mtime, path.name))


def _decode(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    suffix = Path(name).suffix.lower()
    readers = {
        ".csv": _csv,
        ".txt": _csv,
        ".xlsx": _excel,
        ".xls": _excel,
        ".parquet": _parquet,
        ".geojson": _geojson,
    }
    if suffix not in readers:
        raise SourceFormatError(f"{contract.dataset}: {name}: no reader for {suffix}; expected {', '.join(readers)}")
    return readers[suffix](contract, name, content)


def _parquet(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(content))
    except pl.exceptions.PolarsError:
        raise SourceFormatError(f"{contract.dataset}: {name} is no complete Parquet file; deliver it again") from None


def _csv(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    text = _text(contract, name, content)
    header = text.split("\n", 1)[0]
    separator = max(";,\t", key=header.count)
    rows = list(csv.reader(io.StringIO(text), delimiter=separator))
    return _from_rows(contract, name, [[cell if cell != "" else None for cell in row] for row in rows])


def _text(contract: Contract, name: str, content: bytes) -> str:
    """The text of a CSV in UTF-8 (with or without mark), UTF-16 or Windows-1258."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = ["utf-16"]
    elif b"\0" in content[:200]:
        candidates = ["utf-16-le", "utf-16-be"]
    else:
        candidates = ["utf-8-sig", "cp1258"]
    for encoding in candidates:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Windows-1258 writes tones as marks of their own: compose them
        return unicodedata.normalize("NFC", text).replace("\r\n", "\n")
    raise SourceFormatError(
        f"{contract.dataset}: {name} is neither UTF-8, UTF-16 nor Windows-1258; save it as UTF-8 and deliver it again"
    )


def _excel(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [(sheet, book.get_sheet_by_name(sheet).to_python()) for sheet in book.sheet_names]
    except (python_calamine.CalamineError, OSError):
        raise SourceFormatError(f"{contract.dataset}: {name} is no readable Excel file; deliver it again") from None
    tables, errors = [], []
    for sheet, cells in sheets:
        rows = [[None if cell == "" else cell for cell in row] for row in cells]
        if not any(cell is not None for row in rows for cell in row):
            continue
        try:
            tables.append(_from_rows(contract, f"{name}, sheet {sheet}", rows))
        except SourceFormatError as error:
            errors.append(error)
    if not tables:
        raise errors[0] if errors else SourceFormatError(f"{contract.dataset}: {name} has no rows")
    return pl.concat(tables, how="diagonal_relaxed")


def _from_rows(contract: Contract, name: str, rows: Sequence[Sequence[object]]) -> pl.DataFrame:
    """A table from rows of cells; the header is the first row that names enough of the contract's columns."""
    accepted = {source.strip() for column in contract.columns for source in column.source_names}
    needed = [column for column in contract.columns if not column.optional]
    for number, row in enumerate(rows[:HEADER_ROWS]):
        names = [str(cell).strip() if cell is not None else "" for cell in row]
        if 2 * len(accepted & set(names)) >= len(needed):
            body = [cells for cells in rows[number + 1 :] if any(cell is not None for cell in cells)]
            columns = {
                column: pl.Series([cells[at] if at < len(cells) else None for cells in body], dtype=pl.Object)
                for at, column in enumerate(names)
                if column
            }
            return pl.DataFrame({column: _cells(series) for column, series in columns.items()})
    raise SourceFormatError(
        f"{contract.dataset}: {name}: no header found in the first {HEADER_ROWS} rows; expected columns "
        f"{', '.join(' or '.join(column.source_names) for column in needed)}"
    )


def _cells(cells: pl.Series) -> pl.Series:
    """Cells as text; dates and times in ISO 8601, whole numbers without a decimal point."""

    def text(cell: object) -> str | None:
        if cell is None:
            return None
        if isinstance(cell, float) and cell.is_integer():
            return str(int(cell))
        return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)

    return pl.Series(cells.name, [text(cell) for cell in cells], dtype=pl.String())


def _geojson(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    """One row a polygon part: the feature's properties, `part` from 0, `ring` the outer ring as JSON."""
    try:
        features = orjson.loads(content)["features"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise SourceFormatError(f"{contract.dataset}: {name} is no GeoJSON FeatureCollection") from None
    rows = []
    for feature in features:
        geometry = shape(feature["geometry"])
        parts = getattr(geometry, "geoms", [geometry])
        for number, part in enumerate(parts):
            ring = orjson.dumps([[round(x, 5), round(y, 5)] for x, y, *_ in part.exterior.coords]).decode()
            rows.append({**feature["properties"], "part": number, "ring": ring})
    return pl.DataFrame(rows, infer_schema_length=None, strict=False)
