"""`kho snapshots`: what was published."""

from datetime import datetime

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
    if as_json:
        show(found, as_json)
        return
    told = [{name: one.get(name) for name in fields} for one in found]
    show([{**one, "built_at": datetime.fromisoformat(str(one["built_at"]))} for one in told])
