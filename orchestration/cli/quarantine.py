"""`kho quarantine`: what was refused and why."""

import io
from typing import Any

import click

from lake.contract import load_contracts
from lake.settings import Settings, SettingsError, load_settings
from orchestration.cli.output import show

ROWS_SHOWN = 50
LOADS_READ = 200


@click.command("quarantine")
@click.argument("dataset", required=False)
@click.option("--last", default=ROWS_SHOWN, help="how many rows")
@click.option("--json", "as_json", is_flag=True)
def command(dataset: str | None, last: int, as_json: bool) -> None:
    """The newest refused rows with the source's record, the unit and every reason; and how many there are."""
    rows, counts = quarantined(load_settings(), dataset, last)
    show(rows, as_json)
    for name, reasons in counts.items():
        told = ", ".join(f"{code} {count:,}" for code, count in reasons.items())
        click.echo(f"{name}: {told}", err=True)


def quarantined(
    settings: Settings, dataset: str | None, last: int
) -> tuple[list[dict[str, Any]], dict[str, dict[str, int]]]:
    """The newest refused rows, and per dataset the number of rows by reason over all current loads."""
    import orjson
    import polars as pl

    from lake.ledger import read_index
    from lake.store import open_store, read_many

    contracts = load_contracts(settings.contracts)
    if dataset and dataset not in contracts:
        raise SettingsError(f"no dataset {dataset}; `kho datasets` lists those there are")
    store = open_store(settings)
    index = read_index(settings, store, contracts).filter(pl.col("quarantine_object").is_not_null())
    if dataset:
        index = index.filter(pl.col("dataset") == dataset)
    counts: dict[str, dict[str, int]] = {}
    for name, text in index.filter("current").select("dataset", "reason_counts").iter_rows():
        mine = counts.setdefault(name, {})
        for code, count in orjson.loads(text).items():
            mine[code] = mine.get(code, 0) + count
    newest = index.sort("load_id", descending=True).head(LOADS_READ)
    enough = newest.filter(pl.col("quarantined").cum_sum().shift(1, fill_value=0) < last)
    tables = [pl.read_parquet(io.BytesIO(one)) for one in read_many(store, enough["quarantine_object"].to_list())]
    if not tables:
        return [], counts
    rows = pl.concat(tables).join(enough.select("dataset", "day", "load_id"), left_on="_load_id", right_on="load_id")
    columns = ["dataset", "day", "record_id", "unit_code", "reasons", "reason_text"]
    told = rows.with_columns(pl.col("reasons").list.join(", ")).select(columns)
    return told.head(last).to_dicts(), counts
