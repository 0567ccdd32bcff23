"""The object store of the lake: a local directory or an S3 server, behind the same few calls."""

import io
import os
import shutil
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

import duckdb
import obstore
import polars as pl
from minio import Minio
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, ObjectStore, S3Store

from lake.settings import Settings, SettingsError

THREADS = 16  # objects are small: latency, not bandwidth, decides


class AlreadyExists(RuntimeError):
    """An object that is written once is there already."""


def open_store(settings: Settings) -> ObjectStore:
    """The store at LAKE_URL. Raises SettingsError for a URL that is neither `file://` nor `s3://`."""
    url = urlsplit(settings.lake_url)
    if url.scheme == "file":
        root = _local_root(settings)
        try:
            return LocalStore(root, mkdir=True)
        except OSError as error:
            raise SettingsError(f"{root} cannot be made or opened ({error}): mend LAKE_URL or KHO_HOME") from None
    if url.scheme == "s3":
        endpoint = settings.source("AWS_ENDPOINT_URL")
        return S3Store(
            url.netloc,
            prefix=url.path.strip("/") or None,
            endpoint=endpoint,
            access_key_id=settings.source("AWS_ACCESS_KEY_ID"),
            secret_access_key=settings.source("AWS_SECRET_ACCESS_KEY"),
            region=settings.env.get("AWS_REGION", "us-east-1"),
            virtual_hosted_style_request=False,
            client_options={"allow_http": endpoint.startswith("http://")},
        )
    raise SettingsError(f"LAKE_URL is {settings.lake_url!r}; expected file:///folder or s3://bucket/prefix")


def _local_root(settings: Settings) -> Path:
    return Path(url2pathname(urlsplit(settings.lake_url).path))


def put_once(store: ObjectStore, path: str, content: bytes) -> None:
    """Create an object. Raises AlreadyExists if it is there: nothing is ever overwritten.

    When this returns the object outlives a power cut, so that an entry never names an object that is lost.
    """
    _create(store, path, content)
    _flush_folders(store, [path])


def _create(store: ObjectStore, path: str, content: bytes) -> str:
    """Create an object, its content on the disk but not yet its name; returns the path."""
    try:
        obstore.put(store, path, content, mode="create")
    except AlreadyExistsError:
        raise AlreadyExists(f"{path} exists already and is never overwritten") from None
    if isinstance(store, LocalStore) and store.prefix is not None:
        _flush(Path(store.prefix) / path)
    return path


def _flush_folders(store: ObjectStore, paths: Iterable[str]) -> None:
    """Wait until the names of these objects, and of the folders made for them, are on the disk."""
    if isinstance(store, LocalStore) and store.prefix is not None:
        folders = {folder for path in paths for folder in PurePosixPath(path).parents}
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(_flush, [Path(store.prefix) / folder for folder in folders]))


def replace(settings: Settings, store: ObjectStore, path: str, content: bytes) -> None:
    """Put another content in an object's place and leave no older version behind; lake/rewrite.py alone may."""
    obstore.put(store, path, content)
    if isinstance(store, LocalStore) and store.prefix is not None:
        _flush(Path(store.prefix) / path)
    purge_versions(settings, [path])


def remove(settings: Settings, store: ObjectStore, paths: list[str]) -> None:
    """Delete objects and all their versions; lake/rewrite.py alone may."""
    delete(store, paths)
    purge_versions(settings, paths)


def purge_versions(settings: Settings, paths: list[str]) -> None:
    """Delete what a bucket with versioning keeps of former contents; nothing to do for a local directory."""
    url = urlsplit(settings.lake_url)
    if url.scheme != "s3":
        return
    endpoint = urlsplit(settings.source("AWS_ENDPOINT_URL"))
    server = Minio(
        endpoint.netloc,
        settings.source("AWS_ACCESS_KEY_ID"),
        settings.source("AWS_SECRET_ACCESS_KEY"),
        secure=endpoint.scheme == "https",
        region=settings.env.get("AWS_REGION", "us-east-1"),
    )
    root = url.path.strip("/")
    for path in paths:
        name = f"{root}/{path}" if root else path
        for version in server.list_objects(url.netloc, prefix=name, include_version=True):
            latest = str(version.is_latest).lower() == "true"  # the client gives the server's word as text
            if version.object_name == name and (not latest or version.is_delete_marker):
                server.remove_object(url.netloc, name, version.version_id)


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(store: ObjectStore, path: str) -> bytes:
    """The content of one object. Raises FileNotFoundError."""
    return bytes(obstore.get(store, path).bytes())


def read_many(store: ObjectStore, paths: list[str]) -> list[bytes]:
    """The contents of many objects, in the order asked for."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda path: read(store, path), paths))


def read_tables(store: ObjectStore, paths: list[str]) -> list[pl.DataFrame]:
    """The rows of many objects, in the order asked for."""
    return [pl.read_parquet(io.BytesIO(content)) for content in read_many(store, paths)]


def put_many(
    store: ObjectStore, objects: Iterable[tuple[str, bytes]], done: Callable[[int], None] | None = None
) -> None:
    """Create many objects at once; `done` is told how many are written. Raises AlreadyExists.

    When this returns all of them outlive a power cut, as with `put_once`.
    """
    written = []
    with ThreadPoolExecutor(THREADS) as pool:
        for path in pool.map(lambda item: _create(store, *item), objects):
            written.append(path)
            if done:
                done(len(written))
    _flush_folders(store, written)


def list_paths(store: ObjectStore, prefix: str) -> list[str]:
    """Paths below a prefix, sorted."""
    return sorted(str(item["path"]) for page in obstore.list(store, prefix, chunk_size=1000) for item in page)


def list_older(store: ObjectStore, prefix: str, before: datetime) -> list[str]:
    """Paths below a prefix that were written before a time."""
    pages = obstore.list(store, prefix, chunk_size=1000)
    return [str(item["path"]) for page in pages for item in page if item["last_modified"] < before]


def delete(store: ObjectStore, paths: list[str]) -> None:
    """Remove objects; only the sweep of orphans may."""
    if paths:
        obstore.delete(store, paths)


def delete_unfinished(store: ObjectStore, before: datetime) -> None:
    """Remove what writers that were killed left half written in a local directory; a server keeps no such thing."""
    if isinstance(store, LocalStore) and store.prefix is not None:
        for path in Path(store.prefix).rglob("*#*"):
            if path.is_file() and path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)


def object_url(settings: Settings, path: str) -> str:
    """Where DuckDB reads an object: a local path or an `s3://` address."""
    if settings.lake_url.startswith("file:"):
        return f"{_local_root(settings)}/{path}"
    return f"{settings.lake_url.rstrip('/')}/{path}"


_extension_lock = threading.Lock()


def extension_directory(settings: Settings) -> Path:
    """Folder from which DuckDB loads httpfs; filled from the installed wheel, never from the network."""
    folder = settings.home / "duckdb_extensions"
    platform = duckdb.sql("pragma platform").fetchone()
    version = duckdb.sql("select library_version from pragma_version()").fetchone()
    assert platform and version
    target = folder / version[0] / platform[0] / "httpfs.duckdb_extension"
    with _extension_lock:
        if not target.exists():
            spec = find_spec("duckdb_extension_httpfs")
            if spec is None or spec.origin is None:
                raise SettingsError("the package duckdb-extension-httpfs is not installed")
            source = next(Path(spec.origin).parent.glob("extensions/*/httpfs.duckdb_extension"))
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(f".{threading.get_ident()}")
            shutil.copyfile(source, partial)
            partial.replace(target)
    return folder


def prepare_duckdb(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Let a connection read the lake; nothing to do for a local directory."""
    if settings.lake_url.startswith("file:"):
        return
    connection.execute(f"set extension_directory = {_quoted(str(extension_directory(settings)))}")
    connection.execute("load httpfs")
    connection.execute(f"create or replace secret lake ({s3_secret(settings)})")


def s3_secret(settings: Settings) -> str:
    """What DuckDB's `create secret` is told about the S3 server."""
    endpoint = urlsplit(settings.source("AWS_ENDPOINT_URL"))
    fields = {
        "key_id": settings.source("AWS_ACCESS_KEY_ID"),
        "secret": settings.source("AWS_SECRET_ACCESS_KEY"),
        "region": settings.env.get("AWS_REGION", "us-east-1"),
        "endpoint": endpoint.netloc,
        "url_style": "path",
    }
    texts = [f"{name} {_quoted(value)}" for name, value in fields.items()]
    return ", ".join(["type s3", *texts, f"use_ssl {str(endpoint.scheme == 'https').lower()}"])


def _quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
