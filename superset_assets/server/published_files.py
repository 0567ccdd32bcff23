"""Each published file stays open in each process, and every question has a connection of its own to it.

DuckDB lets connections of a process to one file share what is open: opening it anew, with its threads and settings,
took more time than most questions. What they share is locked (hardening.py); only DuckDB's own log can be turned on by
a question, so none finds it on. A file that is not published any more is closed when the next question is asked.
"""

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper, Dialect, DuckDBIdentifierPreparer
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGIdentifierPreparer

AS_NEW = "call disable_logging(); call truncate_duckdb_logs()"
_open: dict[Path, tuple[Path, duckdb.DuckDBPyConnection]] = {}  # as it is called -> the file, what is open
_opening = threading.Lock()


def keep_published_files_open() -> None:
    """Let SQLAlchemy take this way to DuckDB wherever an address names it."""
    registry.register("duckdb", __name__, PublishedFiles.__name__)


def connection(called: Path, config: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A connection to the file to which this name leads now. Raises duckdb.Error."""
    with _opening:
        for name, (file, opened) in list(_open.items()):
            if not name.exists() or name.resolve() != file:
                del _open[name]
                opened.close()
        file = called.resolve()
        own = duckdb.connect(file, config=config)  # of what is open, if it is
        if called not in _open:
            # not a cursor of the other: a question that still runs outlives it
            _open[called] = file, duckdb.connect(file, config=config)
    own.execute(AS_NEW)
    return own


class Names(DuckDBIdentifierPreparer):
    """How names are quoted. DuckDB is asked for its reserved words once, and not for every object of this kind."""

    def __init__(self, dialect: Any, **options: Any) -> None:
        PGIdentifierPreparer.__init__(self, dialect, **options)
        self.reserved_words = reserved_words()


@lru_cache(maxsize=1)
def reserved_words() -> set[str]:
    """The words that are quoted as names."""
    words: set[str] = Dialect().identifier_preparer.reserved_words
    return words


class PublishedFiles(Dialect):
    """SQLAlchemy's way to DuckDB, for the published files."""

    preparer = Names
    supports_statement_cache = False  # as its parent

    def connect(self, *_: Any, **told: Any) -> Any:
        return ConnectionWrapper(connection(Path(told["database"]), told["config"]))

    def _get_default_schema_name(self, connection: Any) -> str:
        return "main"  # the one there is in a published file: no question for it
