"""`kho rollback`: an earlier snapshot is the published one again."""

from datetime import UTC, datetime

import click

from lake.contract import load_contracts
from lake.settings import load_settings
from lake.snapshots import rollback
from lake.vintages import append_vintages


@click.command("rollback")
@click.argument("snapshot", metavar="ID")
def command(snapshot: str) -> None:
    """Publish an earlier snapshot again; readers see it from their next query on.

    A refresh that runs is not waited for: it will publish its own snapshot when it ends.
    """
    from orchestration.writer_lock import writer_lock
    from quality.load_suites import judge
    from superset_assets.launch import clear_cache

    settings = load_settings()
    before = rollback(settings, snapshot)
    clear_cache(settings)
    click.echo(f"{snapshot} is published; it was {before}", err=True)
    with writer_lock(settings, say=lambda text: click.echo(f"noting what was published: {text}", err=True)):
        append_vintages(settings, load_contracts(settings.contracts)["publish.vintages"], judge, datetime.now(UTC))
