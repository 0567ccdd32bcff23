"""Great Expectations on DuckDB: the one fix it needs, and sources that open files as readers do."""

from enum import StrEnum
from pathlib import Path
from typing import Any

READER = "access_mode=read_only&enable_external_access=false&lock_configuration=true"


class Dialect(StrEnum):
    """The dialect that Great Expectations does not list."""

    DUCKDB = "duckdb"


def keep_connections() -> None:
    """Let the SQL engine keep its connection to DuckDB.

    It closes a connection before it fetches, which DuckDB does not survive (every metric fails with "list index
    out of range"), unless the dialect is one of those whose connection it keeps.
    """
    from great_expectations.execution_engine import sqlalchemy_execution_engine as engine

    if Dialect.DUCKDB not in engine._PERSISTED_CONNECTION_DIALECTS:
        dialects = (*engine._PERSISTED_CONNECTION_DIALECTS, Dialect.DUCKDB)
        setattr(engine, "_PERSISTED_CONNECTION_DIALECTS", dialects)  # noqa: B010  typed as a fixed tuple there


def add_file(context: Any, path: Path) -> Any:
    """A data source on a published file, opened exactly as Superset opens it."""
    return context.data_sources.add_sql(path.stem, connection_string=f"duckdb:///{path}?{READER}")


def close(source: Any) -> None:
    """Give the file back: the connection that is kept must not outlive the audit."""
    source.get_execution_engine().close()
    source.get_engine().dispose()
