"""`kho datasets`: the contracts, and a contract tried on what is in the lake."""

import sys

import click

from lake.contract import load_contracts
from lake.settings import SettingsError, load_settings
from orchestration.cli.output import show

FIELDS = ("dataset", "title", "tier", "protocol", "mode", "partition", "schedule", "owner", "secrecy")


@click.group("datasets", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """The contracts; an error in one is told with its file, line and what was expected."""
    if context.invoked_subcommand is None:
        contracts = load_contracts(load_settings().contracts).values()
        show([{name: getattr(one, name) for name in FIELDS} for one in contracts], as_json)


@command.command("check")
@click.argument("name")
@click.option("--against-loads", is_flag=True, help="try it on the newest loads in the lake; nothing is written")
def check(name: str, against_loads: bool) -> None:
    """Check one contract; exit code 3 if it would refuse rows that were accepted before."""
    from datetime import UTC, datetime

    from lake.contract_trial import try_contract
    from lake.current import read_units

    settings = load_settings()
    contracts = load_contracts(settings.contracts)
    if name not in contracts:
        raise SettingsError(f"no dataset {name}; `kho datasets` lists those there are")
    contract = contracts[name]
    click.echo(f"{name}: {len(contract.columns)} columns, {contract.protocol}, {contract.mode}", err=True)
    if not against_loads:
        return
    units = read_units(settings) if any(column.unit_reference for column in contract.columns) else None
    trial = try_contract(settings, contract, units, datetime.now(UTC))
    click.echo(
        f"{trial.loads} loads with {trial.rows:,} accepted rows: {sum(trial.now_refused.values()):,} faults in them "
        f"now; of the refused ones {trial.now_accepted:,} would be accepted and {trial.still_refused:,} would not"
    )
    for code, count in trial.now_refused.items():
        click.echo(f"  {code}: {count:,}")
    if trial.new_columns:
        click.echo(f"columns that those loads lack: {', '.join(trial.new_columns)}")
    sys.exit(3 if trial.now_refused else 0)
