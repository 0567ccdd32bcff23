"""Files in a folder: CSV, Excel, Parquet, GeoJSON. They are read, never moved or changed."""

import hashlib
import io
import os
import time
from collections.abc import Callable, Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl

from lake.connectors.base import Extract, SourceError, SourceFile, SourceFormatError, Window, setting
from lake.connectors.geojson import read_geojson
from lake.connectors.spreadsheets import read_csv, read_excel
from lake.contract import Contract
from lake.settings import Settings, SettingsError

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp")
SETTLE_SECONDS = 2.0  # a file that changed this recently may still be written


def read(
    contract: Contract, window: Window | None, settings: Settings, skip: Collection[str] = frozenset()
) -> Iterator[Extract]:
    """One extract a file, oldest first; values are text unless the file itself has types.

    skip: SHA-256 of contents read before. A file that cannot be read comes as an extract with `error`; without
    `file` if not even its content could be had, so that it is tried again.
    Raises SourceError if the folder is not there.
    """
    for path in complete_files(contract, settings):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # taken away since; there is nothing to read and nothing lost
        except OSError as error:
            fault = f"{contract.dataset}: {path.name} cannot be opened ({error.strerror}); mend its rights"
            yield Extract(pl.DataFrame(), None, SourceFormatError(fault))
            continue
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
    found = {path: stat for path in sorted(folder.iterdir()) if _matches(path, contract) and (stat := _stat(path))}
    settled = [path for path, stat in found.items() if time.time() - stat.st_mtime > SETTLE_SECONDS]
    fresh = [path for path in found if path not in set(settled)]
    if fresh:  # look twice: complete is what does not grow
        time.sleep(SETTLE_SECONDS / 4)
        settled += [path for path in fresh if (now := _stat(path)) and now.st_size == found[path].st_size]
    return sorted(settled, key=lambda path: (found[path].st_mtime, path.name))


def _matches(path: Path, contract: Contract) -> bool:
    """Whether a file is meant; Windows does not tell .XLSX from .xlsx, so neither do we."""
    name = path.name.lower()
    if name.startswith(("~$", ".")) or name.endswith(UNFINISHED) or not path.is_file():
        return False
    return any(fnmatchcase(name, pattern.lower()) for pattern in contract.source["patterns"])


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _decode(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    suffix = Path(name).suffix.lower()
    if suffix not in READERS:
        raise SourceFormatError(f"{contract.dataset}: {name}: no reader for {suffix}; expected {', '.join(READERS)}")
    return READERS[suffix](contract, name, content)


def _parquet(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise SourceFormatError(f"{contract.dataset}: {name} is no whole Parquet file; deliver it again") from None


READERS: dict[str, Callable[[Contract, str, bytes], pl.DataFrame]] = {
    ".csv": read_csv,
    ".txt": read_csv,
    ".xlsx": read_excel,
    ".xls": read_excel,
    ".parquet": _parquet,
    ".geojson": read_geojson,
    ".json": read_geojson,
}
