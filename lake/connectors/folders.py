"""Folders that files are dropped in: a directory, or a prefix of an S3 bucket. Nothing in them is moved or changed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from lake.connectors.base import SourceError, setting
from lake.connectors.file_source import layout
from lake.contract import Contract
from lake.settings import Settings, SettingsError
from lake.sources import Files

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp")
SETTLE_SECONDS = 2.0  # a file that changed this recently may still be written


@dataclass(frozen=True)
class Dropped:
    """A file that is complete. identity: changes when the file does, without reading it; read: raises OSError."""

    name: str
    changed: float  # seconds since 1970
    identity: str
    read: Callable[[], bytes]


def complete_files(contract: Contract, settings: Settings) -> list[Dropped]:
    """The files that match the contract's patterns and are no longer written, oldest first.

    Raises SettingsError if the folder's setting is missing and SourceError if the folder cannot be read, unless the
    contract says that the folder is optional.
    """
    source = layout(contract)
    try:
        folder = setting(settings, source.folder)
        if folder.startswith("s3://"):
            return sorted(_objects(contract, source, settings, folder), key=_age)
    except SettingsError:
        if source.optional:
            return []
        raise
    if not Path(folder).is_dir():
        if source.optional:
            return []
        raise SourceError(f"{contract.dataset}: the folder {source.folder} is not there; mount it or mend the setting")
    return sorted(_paths(source, Path(folder)), key=_age)


def _age(file: Dropped) -> tuple[float, str]:
    return file.changed, file.name


def _paths(source: Files, folder: Path) -> list[Dropped]:
    found = [path for path in sorted(folder.iterdir()) if _matches(path.name, source) and path.is_file()]
    files = {path: file for path in found if (file := _dropped(path))}
    fresh = [path for path, file in files.items() if time.time() - file.changed <= SETTLE_SECONDS]
    if not fresh:
        return list(files.values())
    time.sleep(SETTLE_SECONDS / 4)  # look twice: complete is what does not change
    again = {path: _dropped(path) for path in fresh}
    return [file for path, file in files.items() if path not in again or _same(file, again[path])]


def _same(file: Dropped, later: Dropped | None) -> bool:
    return later is not None and later.identity == file.identity


def _dropped(path: Path) -> Dropped | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None  # taken away since; there is nothing to read and nothing lost
    return Dropped(path.name, stat.st_mtime, f"{path.name}:{stat.st_size}:{stat.st_mtime_ns}", path.read_bytes)


def _matches(name: str, source: Files) -> bool:
    """Whether a file is meant; Windows does not tell .XLSX from .xlsx, so neither do we."""
    lower = name.lower()
    if lower.startswith(("~$", ".")) or lower.endswith(UNFINISHED):
        return False
    return any(fnmatchcase(lower, pattern.lower()) for pattern in source.patterns)


def _objects(contract: Contract, source: Files, settings: Settings, folder: str) -> list[Dropped]:
    """The objects directly below a prefix; an object is there whole or not at all."""
    store = _store(source, settings, folder)
    try:
        listed = obstore.list_with_delimiter(store)["objects"]
    except (BaseError, OSError):
        raise SourceError(
            f"{contract.dataset}: the bucket {source.folder} cannot be listed; is the server up, the bucket there and "
            "the key allowed to list it?"
        ) from None
    return [
        Dropped(
            name,
            item["last_modified"].timestamp(),
            f"{name}:{item['size']}:{item['e_tag']}",
            lambda path=str(item["path"]): _read(store, path),  # type: ignore[misc]
        )
        for item in listed
        if _matches(name := str(item["path"]).rpartition("/")[2], source)
    ]


def _read(store: S3Store, path: str) -> bytes:
    try:
        return bytes(obstore.get(store, path).bytes())
    except FileNotFoundError:
        raise
    except BaseError as error:
        raise OSError(0, type(error).__name__) from None


def _store(source: Files, settings: Settings, folder: str) -> S3Store:
    url = urlsplit(folder)
    endpoint = setting(settings, source.endpoint or "${AWS_ENDPOINT_URL}")
    region = source.region or settings.env.get("AWS_REGION", "us-east-1")
    return S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        endpoint=endpoint,
        access_key_id=setting(settings, source.access_key_id or "${AWS_ACCESS_KEY_ID}"),
        secret_access_key=setting(settings, source.secret_access_key or "${AWS_SECRET_ACCESS_KEY}"),
        region=setting(settings, region),
        virtual_hosted_style_request=False,
        client_options={"allow_http": endpoint.startswith("http://")},
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
    )
