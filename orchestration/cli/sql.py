"""`kho sql`: read-only SQL on the published snapshot, tables by their bare name."""

import sys
import threading
from typing import TYPE_CHECKING

import click

from lake.settings import Settings, load_settings
from lake.snapshots import open_published

if TYPE_CHECKING:
    import polars as pl


SECONDS = 120


def ask(settings: Settings, query: str, snapshot: str | None) -> "pl.DataFrame | None":
    """The rows of a query on the published snapshot, None if it has no result.

    Raises duckdb.Error, and TimeoutError after KHO_SQL_SECONDS (120).
    """
    import duckdb

    seconds = float(settings.env.get("KHO_SQL_SECONDS") or SECONDS)
    with open_published(settings, snapshot) as connection:
        watchdog = threading.Timer(seconds, connection.interrupt)
        watchdog.daemon = True
        watchdog.start()
        try:
            result = connection.sql(query)
            return result.pl() if result is not None else None
        except duckdb.Error as error:
            if "INTERRUPT" in str(error).upper():
                raise TimeoutError(f"stopped after {seconds:g} s; KHO_SQL_SECONDS gives more") from error
            raise
        finally:
            watchdog.cancel()


@click.command("sql")
@click.argument("query")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
@click.option("--snapshot", metavar="ID", help="another than the published one")
def command(query: str, form: str, snapshot: str | None) -> None:
    """Read-only SQL on the published snapshot."""
    import duckdb

    from orchestration.cli.output import show

    try:
        if len(duckdb.extract_statements(query)) != 1:
            raise click.UsageError('expected one statement, such as "select * from mart_alert"')
        frame = ask(load_settings(), query, snapshot)
    except duckdb.CatalogException as error:
        # DuckDB's own hint names tables of its own
        click.echo(f'kho: {str(error).splitlines()[0]} `kho sql "show tables"` lists those there are', err=True)
        sys.exit(2)
    except (duckdb.Error, TimeoutError) as error:
        click.echo(f"kho: {error}", err=True)
        sys.exit(2)
    if frame is None:
        return
    if form == "csv":
        click.echo(frame.write_csv(), nl=False)
    else:
        show(frame.to_dicts(), form == "json", exact=True)
