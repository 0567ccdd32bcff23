"""`kho loads`: the ledger's newest entries."""

import click

from lake.contract import load_contracts
from lake.settings import load_settings
from orchestration.cli.output import show

FIELDS = ["load_id", "dataset", "day", "status", "standing", "received", "accepted", "quarantined", "reasons"]


@click.command("loads")
@click.argument("dataset", required=False)
@click.option("--last", default=50, show_default=True, help="how many")
@click.option("--empty", is_flag=True, help="also those of windows in which nothing changed")
@click.option("--json", "as_json", is_flag=True)
def command(dataset: str | None, last: int, empty: bool, as_json: bool) -> None:
    """The newest loads of the ledger with their verdicts."""
    import polars as pl

    from lake.ledger import read_index
    from lake.store import open_store

    settings = load_settings()
    index = read_index(settings, open_store(settings), load_contracts(settings.contracts))
    if dataset:
        index = index.filter(pl.col("dataset") == dataset)
    if not empty:
        index = index.filter((pl.col("received") > 0) | ~pl.col("standing"))
    told = pl.coalesce("rejected_reason", pl.col("reasons").str.json_decode(pl.List(pl.String())).list.join("; "))
    newest = index.with_columns(reasons=told).sort("load_id", descending=True).head(last)
    show(newest.select(FIELDS).to_dicts(), as_json)
