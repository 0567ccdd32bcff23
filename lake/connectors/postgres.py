"""PostgreSQL, read through ADBC into Arrow in one read-only, repeatable-read transaction."""

import re
from collections.abc import Generator, Iterator
from contextlib import closing

import adbc_driver_manager
import polars as pl
import pyarrow
from adbc_driver_postgresql import dbapi

from lake.connectors.base import Extract, SourceError, SourceFormatError, Window, retrying, setting, setting_names
from lake.contract import Contract
from lake.settings import TIME_ZONE, Settings

# SQLSTATE classes that waiting can mend: connection, resources, operator intervention, system, rollback
TRANSIENT = ("08", "40", "53", "57", "58")
CONNECT_SECONDS = 10
STATEMENT_SECONDS = 900


# what arrives in Arrow as it is meant; any other type is asked for as text (uuid would be bytes, intervals fail)
AS_IS = {"bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "date", "timestamp", "timestamptz"}
# libpq gives no SQLSTATE for a log-in that failed; what people must mend reads so
REFUSED = re.compile(
    r"password authentication failed|no password supplied|no pg_hba.conf entry|(role|database) .* does not exist"
    r"|permission denied for database|invalid (connection option|URI|port|integer value)|missing \"=\" after"
)


def read(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
    """The rows of a table, or those whose window column lies in the window, in batches; an empty one if there are none.

    Only the contract's columns are asked for, so values of unknown ones never leave the source: they come as
    nulls, for their names.
    Raises SourceError (down), SourceFormatError (no such table or column, no right). A server that goes away after
    the first batch is not asked again in this run: another transaction could show other rows.
    """
    for attempt in retrying(settings):
        with attempt:
            batches = _fetch(contract, window, settings)
            table = next(batches)
    with closing(batches):
        yield Extract(table)
        for table in batches:
            yield Extract(table)


def _fetch(contract: Contract, window: Window | None, settings: Settings) -> Generator[pl.DataFrame, None, None]:
    uri = setting(settings, contract.source["uri"])
    if "connect_timeout=" not in uri:  # else a host that is switched off is waited for by the minute
        joint = " " if "://" not in uri else "&" if "?" in uri else "?"
        uri += f"{joint}connect_timeout={CONNECT_SECONDS}"
    try:
        with dbapi.connect(uri) as connection, connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read read only")
            cursor.execute(f"set local statement_timeout = '{STATEMENT_SECONDS}s'")
            cursor.execute(f"set local time zone '{TIME_ZONE}'")  # times without a zone are local ones
            types = _column_types(cursor, contract)
            asked = {name for column in contract.columns for name in column.source_names}
            chosen = [_quoted(n) + ("" if t in AS_IS else f"::text as {_quoted(n)}") for n, t in types if n in asked]
            unknown = [pl.lit(None).alias(name) for name, _ in types if name not in asked]
            # of a table without any of our columns no row is read: the door says which ones are missing
            query = f"select {', '.join(chosen)} from {_table_name(contract)}{'' if chosen else ' where false'}"
            if chosen and window is not None and "window_column" in contract.source:
                column = _quoted(contract.source["window_column"])
                start, end = (f"timestamptz '{moment.isoformat()}'" for moment in (window.start, window.end))
                query += f" where {column} >= {start} and {column} < {end}"  # with parameters nothing is streamed
            cursor.execute(query)
            reader = cursor.fetch_record_batch()
            none = True
            for batch in reader:
                none = False
                yield _frame(batch).with_columns(unknown)
            if none:
                yield _frame(reader.schema.empty_table()).with_columns(unknown)
            connection.rollback()
    except adbc_driver_manager.Error as error:
        raise _fault(contract, error) from None
    except OSError:  # of a batch; it has no SQLSTATE, and its text may hold values
        raise SourceError(
            f"{contract.dataset}: the database broke off its answer; it is asked again by the next run"
        ) from None


def _frame(batch: pyarrow.RecordBatch | pyarrow.Table) -> pl.DataFrame:
    table = pl.from_arrow(batch)
    assert isinstance(table, pl.DataFrame)
    return table


def _column_types(cursor: dbapi.Cursor, contract: Contract) -> list[tuple[str, str]]:
    """Names and types of the table's columns."""
    schema, _, table = contract.source["table"].rpartition(".")
    cursor.execute(
        "select attname::text, typname::text from pg_attribute join pg_class on pg_class.oid = attrelid "
        "join pg_namespace on pg_namespace.oid = relnamespace join pg_type on pg_type.oid = atttypid "
        "where nspname = $1 and relname = $2 and attnum > 0 and not attisdropped order by attnum",
        (schema or "public", table),
    )
    types = [(str(name), str(kind)) for name, kind in cursor.fetchall()]
    if not types:
        raise SourceFormatError(
            f"{contract.dataset}: the database has no table {contract.source['table']}, or none that we may see; "
            "check `table` in the contract and the rights of the user"
        )
    return types


def _fault(contract: Contract, error: adbc_driver_manager.Error) -> Exception:
    """What went wrong, without the message's text: it may hold values of rows or the password."""
    state = (error.sqlstate or "").rstrip("\0")
    if not state or state == "00000":
        found = re.search(r"SQLSTATE:? ?([0-9A-Z]{5})", str(error))
        state = found[1] if found else ""
    if state.startswith("28") or (not state and REFUSED.search(str(error))):
        return SourceFormatError(
            f"{contract.dataset}: the database refuses the log-in; check address, user, password and database in "
            f"{setting_names(contract.source['uri'])}"
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
