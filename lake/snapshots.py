"""Published snapshots: files that are never changed, and a pointer that is switched at once.

published/<product>/<snapshot_id>/<audience>.duckdb, snapshot.json
published/<product>/current -> <snapshot_id>

A run killed anywhere leaves the old pointer or the new one, and at worst a folder that `prune` removes.
"""

import json
import os
import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from lake.audit_history import CREATE, PASSED, add_audits, as_row, former_audits
from lake.settings import TIME_ZONE, Settings
from lake.store import prepare_duckdb

FIGURES = "figures"  # every refresh, a file an audience
FACTS = "facts"  # nightly, pseudonymised rows for the analytics unit
CURRENT = "current"
DESCRIPTION = "snapshot.json"
REMOVED = ".removed-"
# First found wins when the same bare name is in several files: exact figures before banded ones.
SEARCH_ORDER = ("health", "security", "leaders", "facts")
HARDENING = (
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set python_enable_replacements = false",  # a name in SQL must not find a variable of the caller
    "set temp_directory = ''",  # a heavy query fails instead of writing to the disk
    "set memory_limit = '2GB'",
    "set enable_external_access = false",
    "set lock_configuration = true",  # last: nothing can be set after it
)


class SnapshotError(ValueError):
    """A snapshot cannot be used; the message says which and what there is instead."""


def new_snapshot_id(now: datetime) -> str:
    """A sortable name: UTC time to the microsecond and a short id."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(3)}"


def snapshot_time(snapshot_id: str) -> datetime:
    """When a snapshot was built. Raises SnapshotError if this is no snapshot's name."""
    try:
        return datetime.strptime(snapshot_id.split("-")[0], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise SnapshotError(f"{snapshot_id!r} is no snapshot; `kho snapshots` lists those there are") from None


def build_candidate(
    settings: Settings, product: str, tables: dict[str, dict[str, str]], snapshot_id: str, info: dict[str, Any]
) -> Path:
    """Write the files of a candidate; nobody reads them until `switch`.

    tables: audience -> name in the file -> table in the warehouse. info: told in every file's `snapshot_info`
    (data_as_of, code_version) and in snapshot.json. Returns the folder. Raises SnapshotError if a table is not built.
    """
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        built = {name for (name,) in connection.execute("select table_name from information_schema.tables").fetchall()}
    if missing := sorted({table for wanted in tables.values() for table in wanted.values()} - built):
        raise SnapshotError(f"the warehouse lacks {', '.join(missing)}: look at the dbt step of this refresh")
    folder = settings.published / product / snapshot_id
    audits = former_audits(folder.parent, DESCRIPTION)
    folder.mkdir(parents=True)
    built_at = datetime.now(TIME_ZONE).replace(tzinfo=None)
    for audience, wanted in tables.items():
        with duckdb.connect(folder / f"{audience}.duckdb") as connection:
            connection.execute("set preserve_insertion_order = false")
            prepare_duckdb(connection, settings)  # staging views read the lake
            # under the name by which its own views call it
            connection.execute(f'attach {_quoted(settings.warehouse)} as "{settings.warehouse.stem}" (read_only)')
            for name, table in wanted.items():
                connection.execute(f'create table "{name}" as select * from "{settings.warehouse.stem}".main."{table}"')
            connection.execute(
                "create table snapshot_info as select ?::varchar as snapshot_id, ?::timestamp as built_at, "
                "?::timestamp as data_as_of, ?::varchar as code_version",
                [snapshot_id, built_at, info.get("data_as_of"), info.get("code_version")],
            )
            connection.execute(CREATE)
            add_audits(connection, audits)
            connection.execute(f'detach "{settings.warehouse.stem}"')
    described = {"snapshot_id": snapshot_id, "product": product, "built_at": built_at.isoformat(), **info}
    _write_description(folder, described)  # last: a folder without it is no candidate
    return folder


def record_audit(
    settings: Settings,
    product: str,
    snapshot_id: str,
    checks: int,
    failed_checks: Sequence[str],
    findings: Sequence[str],
) -> None:
    """Keep the verdict on a candidate: in its files, and in its description last, so that half of it does not count.

    checks: how many there were; failed_checks: the names of those that failed, for every reader; findings: what they
    found, for operators alone. Raises SnapshotError.
    """
    folder = settings.published / product / snapshot_id
    before = _description(folder)
    described = {
        **before,
        "audit": "failed" if findings else PASSED,
        "checks": checks,
        "failed_checks": sorted(set(failed_checks)),
        "findings": list(findings),
        "audited_at": datetime.now(UTC).isoformat(),
    }
    # a file that was judged may be a published one, and those never change
    for path in sorted(folder.glob("*.duckdb")) if "audited_at" not in before else []:
        with duckdb.connect(path) as connection:
            connection.execute("delete from snapshot_audit where snapshot_id = ?", [snapshot_id])
            add_audits(connection, [as_row(described)])
    _write_description(folder, described)


def describe(settings: Settings, product: str, snapshot_id: str, **fields: Any) -> None:
    """Add fields to a snapshot's description, such as `audit="passed"` or `cited=True`. Raises SnapshotError."""
    folder = settings.published / product / snapshot_id
    _write_description(folder, {**_description(folder), **fields})


def _description(folder: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text())
    except FileNotFoundError:
        raise SnapshotError(f"no snapshot {folder.name}; `kho snapshots` lists those there are") from None
    return described


def _write_description(folder: Path, described: dict[str, Any]) -> None:
    partial = folder / f".{DESCRIPTION}"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(described, file, ensure_ascii=False, indent=2, default=str)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / DESCRIPTION)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Make renames in a folder outlive a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def switch(settings: Settings, product: str, snapshot_id: str) -> None:
    """Let readers see this snapshot from their next query on.

    Raises SnapshotError if it is not there, its audit did not pass or it tells what was known at another time.
    """
    folder = settings.published / product
    described = _description(folder / snapshot_id)
    if described.get("audit") != PASSED:
        raise SnapshotError(f"snapshot {snapshot_id} did not pass the audit and is not published")
    if described.get("as_of"):
        raise SnapshotError(
            f"snapshot {snapshot_id} tells what was known at {described['as_of']} and is never the published one: "
            f"read it with `kho sql --snapshot {snapshot_id}`"
        )
    _sync_folder(folder)
    partial = folder / f".{CURRENT}-{secrets.token_hex(4)}"
    partial.symlink_to(snapshot_id)
    partial.replace(folder / CURRENT)  # renames the link itself: readers find the old folder or the new one
    _sync_folder(folder)


def nothing_published(settings: Settings) -> str:
    """Why no snapshot is the published one, and what to do."""
    if kept := [one for one in list_snapshots(settings) if not one.get("as_of")]:
        return f"no snapshot is the published one, though {len(kept)} are kept: `kho rollback {kept[0]['snapshot_id']}`"
    return "nothing is published yet: run `kho refresh`"


def switched_at(settings: Settings, product: str = FIGURES) -> datetime:
    """When the published snapshot became the published one."""
    return datetime.fromtimestamp((settings.published / product / CURRENT).lstat().st_mtime, UTC)


def current(settings: Settings, product: str = FIGURES) -> str | None:
    """The published snapshot, or None before the first publication."""
    pointer = settings.published / product / CURRENT
    return pointer.readlink().name if pointer.is_symlink() else None


def list_snapshots(settings: Settings, product: str = FIGURES) -> list[dict[str, Any]]:
    """Snapshots that passed the audit, newest first, with `current` set on the published one."""
    folder, pointed = settings.published / product, current(settings, product)
    described = [_description(folder / name) for name in _names(folder) if (folder / name / DESCRIPTION).exists()]
    return [{**one, "current": one["snapshot_id"] == pointed} for one in described if one.get("audit") == PASSED]


def _names(folder: Path) -> list[str]:
    """Folders of snapshots and candidates, newest first."""
    if not folder.exists():
        return []
    found = [path.name for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    return sorted((name for name in found if not name.startswith(".")), reverse=True)


def rollback(settings: Settings, snapshot_id: str, product: str = FIGURES) -> str | None:
    """Publish an earlier snapshot again; returns the one that was published. Raises SnapshotError."""
    if snapshot_id not in {one["snapshot_id"] for one in list_snapshots(settings, product)}:
        raise SnapshotError(f"no published snapshot {snapshot_id}; `kho snapshots` lists those there are")
    before = current(settings, product)
    switch(settings, product, snapshot_id)
    return before


def prune(settings: Settings, product: str = FIGURES, keep: int = 14, keep_past: int = 5) -> list[str]:
    """Remove old snapshots and refused candidates, and what killed runs left; returns the snapshots' names.

    The published one, the newest `keep`, the last of each month and cited ones stay, and the newest `keep_past` of
    those that tell what was known at another time.
    """
    folder = settings.published / product
    every_passed = list_snapshots(settings, product)
    passed = [one for one in every_passed if not one.get("as_of")]
    past = [one for one in every_passed if one.get("as_of")]
    last_of_month = {
        f"{snapshot_time(one['snapshot_id']).astimezone(TIME_ZONE):%Y-%m}": one["snapshot_id"]
        for one in reversed(passed)
    }
    every = _names(folder)
    kept = {
        *every[:1],
        *(one["snapshot_id"] for one in [*passed[:keep], *past[:keep_past]]),
        *(one["snapshot_id"] for one in every_passed if one["current"] or one.get("cited")),
        *last_of_month.values(),
    }
    gone = [name for name in every if name not in kept]
    for name in gone:
        # hidden first: a removal killed half-way must not leave a snapshot that looks whole
        (folder / name).rename(folder / f"{REMOVED}{name}")
    for path in folder.glob(f"{REMOVED}*") if folder.exists() else []:
        shutil.rmtree(path)
    for path in folder.glob(f".{CURRENT}-*") if folder.exists() else []:
        path.unlink()
    return gone


def open_published(settings: Settings, snapshot_id: str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection that reads one snapshot by bare table names, and nothing else on this machine.

    The figures' files come before the published facts when a name is in both. What is written goes to the
    connection's own memory. Raises SnapshotError before the first publication or for an unknown snapshot.
    """
    chosen = snapshot_id or current(settings)
    if chosen is None:
        raise SnapshotError(nothing_published(settings))
    if chosen not in _names(settings.published / FIGURES):
        raise SnapshotError(f"no snapshot {chosen}; `kho snapshots` lists those there are")
    # the folder itself and not the pointer: every query of this connection reads the same snapshot
    folders = [settings.published / FIGURES / chosen]
    if facts := current(settings, FACTS):
        folders.append(settings.published / FACTS / facts)
    files = {path.stem: path for folder in folders for path in sorted(folder.glob("*.duckdb"))}
    connection = duckdb.connect()
    try:
        for name, path in files.items():
            connection.execute(f'attach {_quoted(path)} as "{name}" (read_only)')
        order = [name for name in SEARCH_ORDER if name in files] + [name for name in files if name not in SEARCH_ORDER]
        for statement in (
            f"set search_path = '{','.join(f'{name}.main' for name in order)}'",
            *HARDENING,
        ):
            connection.execute(statement)
    except duckdb.Error:
        connection.close()
        raise
    return connection
