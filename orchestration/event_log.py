"""Dagster's events in SQLite, with one connection a file instead of one an event."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqlEventLogStorageTable, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, func, select

FILES = 64  # a run has a file of its own; a webserver looks at many


class EventLog(SqliteEventLogStorage):
    """Dagster's own storage, at its own place; dagster.yaml names it.

    The library opens and closes the file for every event: SQLite writes its log back each time, and every statement is
    compiled anew. With a table an asset that was a third of a refresh outside dbt. Of many events at once it says of
    each that it is now its asset's latest; here the last one alone is.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine = lru_cache(maxsize=FILES)(_engine)
        self._open: ExitStack | None = None  # what ends the transactions of `together`
        self._begun: dict[str, Connection] = {}
        self._told: list[EventLogEntry] | None = None  # what waits for the end of `together`
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No settings: the events lie where Dagster puts them by itself."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "EventLog":
        """The storage of the instance that DAGSTER_HOME names."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Store what is told within as one batch, at its end: for the events of hundreds of partitions."""
        if self._told is not None:
            yield
            return
        self._told = []
        try:
            yield
        finally:
            with self._db_lock:
                told, self._told = self._told, None
            self.store_event_batch(told)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, or keep it for the batch that is being told."""
        with self._db_lock:
            if self._told is not None:
                self._told.append(event)
                return
        super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in one transaction a file, with the same outcome as one by one. Planned ones come so."""
        with self._transaction():
            for special, some in groupby(events, _special):
                if special:
                    for event in some:
                        super().store_event(event)
                else:
                    self._store_plain(list(some))

    def _store_plain(self, events: list[EventLogEntry]) -> None:
        """Store events that need no more than a row, and of assets another one in the file that all runs share."""
        rows = [self._event_to_row(event) for event in events]
        for run_id in dict.fromkeys(row["run_id"] for row in rows):
            with self.run_connection(run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), [row for row in rows if row["run_id"] == run_id])
        of_assets = [at for at, event in enumerate(events) if _of_asset(event)]
        if not of_assets:
            return
        told = [events[at] for at in of_assets]
        with self.index_connection() as connection:
            connection.execute(SqlEventLogStorageTable.insert(), [rows[at] for at in of_assets])
            last: int = connection.execute(select(func.max(SqlEventLogStorageTable.c.id))).scalar_one()
            ids = range(last - len(told) + 1, last + 1)  # nobody else writes before the transaction ends
            self._store_asset_event_tags(connection, told, ids)
            latest = {
                (row["asset_key"], row["dagster_event_type"]): at
                for at, row in enumerate(map(rows.__getitem__, of_assets))
            }
            for at in sorted(latest.values()):
                self._store_asset_event(connection, told[at], ids[at])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction a file for what is stored within."""
        with ExitStack() as ends:
            self._open = ends
            try:
                yield
            finally:
                with self._db_lock:
                    self._open = None
                    self._begun.clear()

    def dispose(self) -> None:
        """Let go of the files; a write-ahead log that is left beside one is read at its next opening."""
        super().dispose()
        self._engine.cache_clear()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            if self._open is None:
                with engine.connect() as connection, connection.begin():
                    yield connection
                return
            if shard not in self._begun:
                self._begun[shard] = self._open.enter_context(engine.connect())
                self._open.enter_context(self._begun[shard].begin())
            yield self._begun[shard]

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        # the library asks SQLite for the columns at every event; this class never met a database without them
        return True


def together(instance: DagsterInstance) -> AbstractContextManager[None]:
    """One transaction for what is told within, where the instance keeps its events in our storage."""
    storage = instance.event_log_storage
    return storage.together() if isinstance(storage, EventLog) else nullcontext()


def _of_asset(event: EventLogEntry) -> bool:
    return event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS


def _special(event: EventLogEntry) -> bool:
    """Whether an event changes more than the tables of events and assets."""
    kinds = (*ASSET_CHECK_EVENTS, *EVENT_TYPE_TO_PIPELINE_RUN_STATUS)
    return event.is_dagster_event and event.dagster_event_type in kinds


def _engine(address: str) -> Engine:
    return create_engine(address, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
