"""Dagster's events in SQLite, with one connection a file instead of one an event."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine

FILES = 64  # a run has a file of its own; a webserver looks at many


class EventLog(SqliteEventLogStorage):
    """Dagster's own storage, at its own place; dagster.yaml names it.

    The library opens and closes the file for every event: SQLite writes its log back each time, and every statement is
    compiled anew. With a table an asset that was a third of a refresh outside dbt.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine = lru_cache(maxsize=FILES)(_engine)
        self._open: ExitStack | None = None  # what ends the transactions of `together`
        self._begun: dict[str, Connection] = {}
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
        """Store what is told within in one transaction a file: for the events of hundreds of partitions."""
        if self._open is not None:
            yield
            return
        with ExitStack() as ends:
            self._open = ends
            try:
                yield
            finally:
                with self._db_lock:
                    self._open = None
                    self._begun.clear()

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Planned events come as a batch."""
        with self.together():
            super().store_event_batch(events)

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


def _engine(address: str) -> Engine:
    return create_engine(address, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
