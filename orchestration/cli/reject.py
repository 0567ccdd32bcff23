"""`kho reject`: a load does not count any more."""

from datetime import UTC, datetime

import click

from lake.contract import Contract, load_contracts
from lake.ledger import read_index, reject
from lake.settings import Settings, load_settings
from lake.store import open_store


@click.command("reject")
@click.argument("load", metavar="LOAD")
@click.option("--reason", default="Rút lại bằng tay", help="Vietnamese; kept in the ledger and shown to readers")
def command(load: str, reason: str) -> None:
    """Take a load out; the next refresh brings its predecessor back and reads the days again."""
    settings = load_settings()
    dataset = reject(open_store(settings), load, reason, datetime.now(UTC))
    click.echo(f"{dataset}: load {load} is taken out; `kho refresh` builds and publishes without it", err=True)
    contracts = load_contracts(settings.contracts)
    if dataset in contracts:
        _observe(settings, contracts[dataset], load, reason)


def _observe(settings: Settings, contract: Contract, load: str, reason: str) -> None:
    """Let Dagster show on the partition that its load was taken out."""
    import polars as pl

    from orchestration.installation import prepare_home

    prepare_home(settings)
    import dagster as dg

    index = read_index(settings, open_store(settings), {contract.dataset: contract})
    day = index.filter(pl.col("load_id") == load)["day"][0]
    observation = dg.AssetObservation(
        [contract.system, contract.name],
        partition=None if contract.partition == "none" or contract.tier == "derived" else day.isoformat(),
        description=reason,
        metadata={"load_id": load, "standing": False, "reason": reason},
    )
    with dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(observation)
