"""Published snapshots: files that are never changed, and a pointer that is switched at once.

published/<product>/<snapshot_id>/<audience>.duckdb, snapshot.json
published/<product>/current -> <snapshot_id>
"""

import json
import os
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from lake.settings import TIME_ZONE, Settings

FIGURES = "figures"  # every refresh, a file an audience
FACTS = "facts"  # nightly, pseudonymised rows for the analytics unit
CURRENT = "current"
DESCRIPTION = "snapshot.json"
# First found wins when the same bare name is in several files: exact figures before banded ones.
SEARCH_ORDER = ("health", "leaders", "facts")


class SnapshotError(ValueError):
    """A snapshot cannot be used; the message says which and what there is instead."""


def new_snapshot_id(now: datetime) -> str:
    """A sortable name: UTC time to the second and a short id."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def snapshot_time(snapshot_id: str) -> datetime:
    """When a snapshot was built."""
    return datetime.strptime(snapshot_id.split("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def build_candidate(
    settings: Settings, product: str, tables: dict[str, dict[str, str]], snapshot_id: str, info: dict[str, Any]
) -> Path:
    """Write the files of a candidate; nobody reads them until `switch`.

    tables: audience -> name in the file -> table in the warehouse. info: told in every file's `snapshot_info`
    (data_as_of, code_version) and in snapshot.json. Returns the folder.
    """
    folder = settings.published / product / snapshot_id
    folder.mkdir(parents=True)
    built_at = datetime.now(TIME_ZONE).replace(tzinfo=None)
    for audience, wanted in tables.items():
        with duckdb.connect(folder / f"{audience}.duckdb") as connection:
            connection.execute("set preserve_insertion_order = false")
            connection.execute(f"attach '{settings.warehouse}' as warehouse (read_only)")
            for name, table in wanted.items():
                connection.execute(f'create table "{name}" as select * from warehouse.main."{table}"')
            connection.execute(
                "create table snapshot_info as select ?::varchar as snapshot_id, ?::timestamp as built_at, "
                "?::timestamp as data_as_of, ?::varchar as code_version",
                [snapshot_id, built_at, info.get("data_as_of"), info.get("code_version")],
            )
            connection.execute("detach warehouse")
    described = {"snapshot_id": snapshot_id, "product": product, "built_at": built_at.isoformat(), **info}
    (folder / DESCRIPTION).write_text(json.dumps(described, ensure_ascii=False, indent=2, default=str))
    return folder


def describe(settings: Settings, product: str, snapshot_id: str, **fields: Any) -> None:
    """Add fields to a snapshot's description."""
    path = settings.published / product / snapshot_id / DESCRIPTION
    text = json.dumps({**json.loads(path.read_text()), **fields}, ensure_ascii=False, indent=2, default=str)
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


def switch(settings: Settings, product: str, snapshot_id: str) -> None:
    """Let readers see this snapshot from their next query on. Raises SnapshotError if it is not there."""
    folder = settings.published / product
    if not (folder / snapshot_id / DESCRIPTION).exists():
        raise SnapshotError(f"no snapshot {snapshot_id}; `kho snapshots` lists those there are")
    partial = folder / f".{CURRENT}-{secrets.token_hex(4)}"
    partial.symlink_to(snapshot_id)
    os.replace(partial, folder / CURRENT)  # noqa: PTH105  Path.replace would follow nothing either, but this says it


def current(settings: Settings, product: str = FIGURES) -> str | None:
    """The published snapshot, or None before the first publication."""
    pointer = settings.published / product / CURRENT
    return pointer.readlink().name if pointer.is_symlink() else None


def list_snapshots(settings: Settings, product: str = FIGURES) -> list[dict[str, Any]]:
    """Snapshots that passed the audit, newest first, with `current` set on the published one."""
    folder = settings.published / product
    found = [json.loads(path.read_text()) for path in sorted(folder.glob(f"*/{DESCRIPTION}"), reverse=True)]
    pointed = current(settings, product)
    passed = [one for one in found if one.get("audit") == "passed"]
    return [{**one, "current": one["snapshot_id"] == pointed} for one in passed if folder.name != CURRENT]


def rollback(settings: Settings, snapshot_id: str, product: str = FIGURES) -> str | None:
    """Publish an earlier snapshot again; returns the one that was published. Raises SnapshotError."""
    if snapshot_id not in {one["snapshot_id"] for one in list_snapshots(settings, product)}:
        raise SnapshotError(f"no published snapshot {snapshot_id}; `kho snapshots` lists those there are")
    before = current(settings, product)
    switch(settings, product, snapshot_id)
    return before


def prune(settings: Settings, product: str, keep: int = 14) -> list[str]:
    """Remove old snapshots and refused candidates; the newest, month ends, cited ones and the current one stay."""
    folder = settings.published / product
    every = sorted((path.name for path in folder.iterdir() if path.is_dir() and not path.is_symlink()), reverse=True)
    passed = [one["snapshot_id"] for one in list_snapshots(settings, product)]
    cited = {one["snapshot_id"] for one in list_snapshots(settings, product) if one.get("cited")}
    last_of_month = {f"{snapshot_time(name).astimezone(TIME_ZONE):%Y-%m}": name for name in reversed(passed)}
    kept = {*passed[:keep], *every[:1], *cited, *last_of_month.values(), current(settings, product)}
    gone = [name for name in every if name not in kept]
    for name in gone:
        shutil.rmtree(folder / name)
    return gone


def open_published(settings: Settings, snapshot_id: str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection that reads one snapshot by bare table names, and nothing else on this machine.

    Raises SnapshotError before the first publication or for an unknown snapshot.
    """
    chosen = snapshot_id or current(settings)
    if chosen is None:
        raise SnapshotError("nothing is published yet: run `kho refresh`")
    folder = settings.published / FIGURES / chosen
    if not (folder / DESCRIPTION).exists():
        raise SnapshotError(f"no snapshot {chosen}; `kho snapshots` lists those there are")
    files = {path.stem: path for path in folder.glob("*.duckdb")}
    facts = current(settings, FACTS)
    if facts:
        files |= {path.stem: path for path in (settings.published / FACTS / facts).glob("*.duckdb")}
    connection = duckdb.connect()
    try:
        for name, path in files.items():
            connection.execute(f"attach '{path}' as \"{name}\" (read_only)")
        order = [name for name in SEARCH_ORDER if name in files]
        connection.execute(f"set search_path = '{','.join(f'{name}.main' for name in order)}'")
        connection.execute("set autoinstall_known_extensions = false")
        connection.execute("set autoload_known_extensions = false")
        connection.execute("set enable_external_access = false")
        connection.execute("set memory_limit = '2GB'")
        connection.execute("set lock_configuration = true")
    except duckdb.Error:
        connection.close()
        raise
    return connection
