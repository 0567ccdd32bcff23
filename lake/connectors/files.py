"""Files in a folder or bucket: CSV, Excel, Parquet, GeoJSON. They are read, never moved or changed."""

import hashlib
import io
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import polars as pl

from lake.connectors.base import Extract, SourceFile, SourceFormatError, Window, spelling
from lake.connectors.csv_files import read_csv
from lake.connectors.excel import read_excel
from lake.connectors.folders import complete_files
from lake.connectors.geojson import read_geojson
from lake.connectors.reshape import reshape
from lake.contract import Contract
from lake.places import PLACE, refuse_errors
from lake.settings import Settings

WORKBOOKS = (".xlsx", ".xlsm", ".xls")
EXCEL = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def read(
    contract: Contract, window: Window | None, settings: Settings, skip: Collection[str] = frozenset()
) -> Iterator[Extract]:
    """One extract a file, oldest first; values are text unless the file itself has types.

    skip: SHA-256 of contents read before. A file that cannot be read comes as an extract with `error`; without
    `file` if not even its content could be had, so that it is tried again. A table made by people has the rows'
    places beside its columns (lake.places).
    Raises SourceError if the folder is not there.
    """
    for dropped in complete_files(contract, settings):
        try:
            content = dropped.read()
        except FileNotFoundError:
            continue  # taken away since; there is nothing to read and nothing lost
        except OSError as error:
            fault = f"{contract.dataset}: {dropped.name} cannot be opened ({error.strerror}); mend its rights"
            yield Extract(pl.DataFrame(), None, SourceFormatError(fault))
            continue
        file = SourceFile(dropped.name, hashlib.sha256(content).hexdigest())
        if file.sha256 in skip:
            continue
        try:
            table, skipped = decode(contract, dropped.name, content)
            yield Extract(table, SourceFile(file.name, file.sha256, skipped))
        except SourceFormatError as error:
            yield Extract(pl.DataFrame(), file, error)


def decode(contract: Contract, name: str, content: bytes) -> tuple[pl.DataFrame, int]:
    """The records in a file's content, and how many of its rows are none by the contract. Raises SourceFormatError."""
    suffix = Path(name).suffix.lower()
    if suffix not in READERS:
        raise SourceFormatError(f"{contract.dataset}: {name}: no reader for {suffix}; expected {', '.join(READERS)}")
    if not content:
        raise SourceFormatError(f"{contract.dataset}: {name} is empty; deliver it again")
    table, skipped = reshape(READERS[suffix](contract, name, content), contract, name)
    if PLACE in table.columns:
        by_name = {spelling(column): column for column in table.columns}
        texts = [
            by_name[spelling(source)]
            for column in contract.columns
            if column.type == "text" and not column.missing
            for source in column.source_names
            if spelling(source) in by_name
        ]
        refuse_errors(table, contract.dataset, name, [one for one in texts if table.schema[one] == pl.String])
    return table, skipped


def _table(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    """A table by what the content is: people rename files, and systems call a CSV export .xls."""
    if content.startswith(EXCEL):
        return read_excel(contract, name, content)
    if content.startswith(b"PAR1"):
        return _parquet(contract, name, content)
    try:
        return read_csv(contract, name, content)
    except SourceFormatError as error:
        if not name.lower().endswith(WORKBOOKS):
            raise
        raise SourceFormatError(f"{contract.dataset}: {name} is no workbook, and as text: {error}") from None


def _parquet(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise SourceFormatError(f"{contract.dataset}: {name} is no whole Parquet file; deliver it again") from None


READERS: dict[str, Callable[[Contract, str, bytes], pl.DataFrame]] = {
    ".csv": _table,
    ".txt": _table,
    ".xlsx": _table,
    ".xlsm": _table,
    ".xls": _table,
    ".parquet": _parquet,
    ".geojson": read_geojson,
    ".json": read_geojson,
}
