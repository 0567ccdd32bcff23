"""`kho sql`: read-only SQL on the published snapshot, tables by their bare name."""

import sys

import click

from lake.settings import load_settings
from lake.snapshots import open_published


@click.command("sql")
@click.argument("query")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
@click.option("--snapshot", metavar="ID", help="another than the published one")
def command(query: str, form: str, snapshot: str | None) -> None:
    """Read-only SQL on the published snapshot."""
    import duckdb

    from orchestration.cli.output import show

    with open_published(load_settings(), snapshot) as connection:
        try:
            result = connection.sql(query)
            frame = result.pl() if result is not None else None
        except duckdb.Error as error:
            click.echo(f"kho: {error}", err=True)
            sys.exit(2)
    if frame is None:
        return
    if form == "csv":
        click.echo(frame.write_csv(), nl=False)
    else:
        show(frame.to_dicts(), form == "json", exact=True)
