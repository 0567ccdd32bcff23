"""PostgreSQL, read through ADBC into Arrow in one read-only, repeatable-read transaction."""

import re
from collections.abc import Iterator

import adbc_driver_manager
import polars as pl
from adbc_driver_postgresql import dbapi

from lake.connectors.base import Extract, SourceError, SourceFormatError, Window, retrying, setting
from lake.contract import Contract
from lake.settings import Settings

# SQLSTATE classes that waiting can mend: connection, resources, operator intervention, system, rollback
TRANSIENT = ("08", "40", "53", "57", "58")


def read(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
    """The rows of a table, or those whose window column lies in the window, as one extract.

    Only the contract's columns are asked for, so unknown ones never leave the source; they are not reported as drift.
    Raises SourceError (down), SourceFormatError (no such table or column, no right).
    """
    for attempt in retrying(settings):
        with attempt:
            tables = _fetch(contract, window, settings)
    yield from (Extract(table) for table in tables)


def _fetch(contract: Contract, window: Window | None, settings: Settings) -> list[pl.DataFrame]:
    uri = setting(settings, contract.source["uri"])
    try:
        with dbapi.connect(uri, conn_kwargs={}) as connection, connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read read only")
            columns = _present_columns(cursor, contract)
            query = f"select {', '.join(map(_quoted, columns))} from {_table_name(contract)}"
            if window is None or "window_column" not in contract.source:
                cursor.execute(query)
            else:
                column = _quoted(contract.source["window_column"])
                bounds = (window.start.isoformat(), window.end.isoformat())
                cursor.execute(
                    f"{query} where {column} >= $1::text::timestamptz and {column} < $2::text::timestamptz", bounds
                )
            batches = pl.from_arrow(cursor.fetch_arrow_table())
            assert isinstance(batches, pl.DataFrame)
            connection.rollback()
            return [batches] if len(batches) else []
    except adbc_driver_manager.Error as error:
        raise _fault(contract, error) from None


def _present_columns(cursor: dbapi.Cursor, contract: Contract) -> list[str]:
    """Names of the table's columns that the contract reads."""
    schema, _, table = contract.source["table"].rpartition(".")
    cursor.execute(
        "select attname::text from pg_attribute join pg_class on pg_class.oid = attrelid "
        "join pg_namespace on pg_namespace.oid = relnamespace "
        "where nspname = $1 and relname = $2 and attnum > 0 and not attisdropped",
        (schema or "public", table),
    )
    there = {row[0] for row in cursor.fetchall()}
    if not there:
        raise SourceFormatError(
            f"{contract.dataset}: the database has no table {contract.source['table']}, or none that we may see; "
            "check `table` in the contract and the rights of the user"
        )
    return [name for column in contract.columns for name in column.source_names if name in there]


def _fault(contract: Contract, error: adbc_driver_manager.Error) -> Exception:
    """What went wrong, without the message's text: it may hold values of rows or the password."""
    state = (error.sqlstate or "").rstrip("\0")
    if not state or state == "00000":
        found = re.search(r"SQLSTATE:? ?([0-9A-Z]{5})", str(error))
        state = found[1] if found else ""
    if state.startswith("28"):
        return SourceFormatError(
            f"{contract.dataset}: the database refuses the user (SQLSTATE {state}); check {contract.source['uri']}"
        )
    if not state or state.startswith(TRANSIENT):
        return SourceError(
            f"{contract.dataset}: the database does not answer (SQLSTATE {state or 'none'}); "
            "it is asked again by the next run"
        )
    return SourceFormatError(
        f"{contract.dataset}: the database refuses the query on {contract.source['table']} (SQLSTATE {state}); "
        "check table and columns in the contract"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table_name(contract: Contract) -> str:
    return ".".join(map(_quoted, contract.source["table"].split(".")))
