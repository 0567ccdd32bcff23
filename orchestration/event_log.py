"""Dagster's events in SQLite, with one connection a file instead of one an event."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine

BUSY_SECONDS = 60
FILES = 64  # a run has a file of its own; a webserver looks at many


class EventLog(SqliteEventLogStorage):
    """Dagster's own storage, at its own place; dagster.yaml names it.

    The library opens and closes the file for every event: SQLite writes its log back each time, and every statement is
    compiled anew. With a table an asset that was a third of a refresh outside dbt.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engine = lru_cache(maxsize=FILES)(_engine)
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No settings: the events lie where Dagster puts them by itself."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "EventLog":
        """The storage of the instance that DAGSTER_HOME names."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    def dispose(self) -> None:
        """Close the files, which writes their logs back."""
        super().dispose()
        self._engine.cache_clear()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection


def _engine(address: str) -> Engine:
    return create_engine(address, connect_args={"timeout": BUSY_SECONDS})
