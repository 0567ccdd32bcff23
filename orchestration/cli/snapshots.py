"""`kho snapshots`: what was published."""

import click

from lake.settings import load_settings
from lake.snapshots import list_snapshots
from orchestration.cli.output import show


@click.command("snapshots")
@click.option("--json", "as_json", is_flag=True)
def command(as_json: bool) -> None:
    """The snapshots, newest first; those with a time in `as_of` tell what was known then and were never published."""
    found = list_snapshots(load_settings())
    fields = ("snapshot_id", "current", "built_at", "as_of", "data_as_of", "audit", "checks", "code_version")
    show(found if as_json else [{name: one.get(name) for name in fields} for one in found], as_json)
