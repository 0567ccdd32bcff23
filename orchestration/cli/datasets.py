"""`kho datasets`: the contracts."""

import click

from lake.contract import load_contracts
from lake.settings import load_settings
from orchestration.cli.output import show

FIELDS = ("dataset", "title", "tier", "protocol", "mode", "partition", "schedule", "owner", "secrecy")


@click.command("datasets")
@click.option("--json", "as_json", is_flag=True)
def command(as_json: bool) -> None:
    """The contracts; an error in one is told with its file and place."""
    contracts = load_contracts(load_settings().contracts).values()
    show([{name: getattr(one, name) for name in FIELDS} for one in contracts], as_json)
