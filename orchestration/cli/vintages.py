"""`kho vintages`: what was published of a figure, whenever it was told otherwise than before."""

import click

from lake.contract import load_contracts
from lake.settings import SettingsError, load_settings
from orchestration.cli.output import show


@click.command("vintages")
@click.argument("indicator", metavar="INDICATOR")
@click.argument("unit", metavar="UNIT")
@click.option("--month", metavar="YYYY-MM", help="this month alone")
@click.option("--json", "as_json", is_flag=True)
def command(indicator: str, unit: str, month: str | None, as_json: bool) -> None:
    """Every published value of an INDICATOR (poverty_rate; with its kind disease_cases:dengue) of one UNIT.

    Kept for ever, also when the snapshot itself is gone; revised marks a value that replaced a published one.
    """
    import polars as pl

    from lake.vintages import versions

    settings = load_settings()
    found = versions(settings, load_contracts(settings.contracts)["publish.vintages"], indicator, unit)
    if month:
        found = found.filter(pl.col("period_start").dt.strftime("%Y-%m") == month)
    if found.is_empty():
        raise SettingsError(
            f"nothing was published of {indicator} in {unit}{f' for {month}' if month else ''}; "
            '`kho sql "select distinct indicator_code, unit_code from mart_indicator"` lists what is'
        )
    show(found.to_dicts(), as_json)
