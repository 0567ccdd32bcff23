"""`kho diff`: which figures two snapshots tell differently, and why."""

from typing import Any

import click

from lake.contract import load_contracts
from lake.settings import Settings, load_settings
from lake.snapshots import open_published
from orchestration.cli.output import show

SHOWN = 200
FIGURE = ["indicator_code", "unit_code", "unit_name", "period_start"]


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--json", "as_json", is_flag=True)
def command(old: str, new: str, as_json: bool) -> None:
    """The figures that differ between two snapshots, and what changed them.

    Causes: loads (that the first snapshot did not know), loads_taken_out, code, registry; moment where nothing else
    differs but the time. With earlier_loads, rows of the months before changed: sums since the year's beginning.
    """
    found = differences(load_settings(), old, new)
    if as_json:
        show(found, as_json)
    else:
        lists = ("causes", "loads", "earlier_loads")
        show([{**one, **{name: " ".join(one[name]) for name in lists}} for one in found[:SHOWN]])
    more = f", the first {SHOWN} shown" if len(found) > SHOWN and not as_json else ""
    click.echo(f"{len(found)} figures differ{more}", err=True)


def differences(settings: Settings, old: str, new: str) -> list[dict[str, Any]]:
    """One row a figure that is new, gone, changed or withheld for another reason. Raises SnapshotError."""
    import polars as pl

    from orchestration.causes import explain

    frames = []
    for snapshot in (old, new):
        with open_published(settings, snapshot) as reader:
            frames.append(
                reader.sql(
                    "select indicator_code, base_code, unit_code, unit_name, "
                    "cast(period_start as date) as period_start, value, withheld_reason from mart_indicator"
                ).pl()
            )
    before, after = frames
    both = before.with_columns(there=True).join(
        after.with_columns(there=True), on=FIGURE, how="full", coalesce=True, suffix="_new"
    )
    change = (
        pl.when(pl.col("there").is_null())
        .then(pl.lit("new"))
        .when(pl.col("there_new").is_null())
        .then(pl.lit("gone"))
        .otherwise(pl.lit("changed"))
    )
    same = pl.col("value").eq_missing(pl.col("value_new")) & pl.col("withheld_reason").eq_missing(
        pl.col("withheld_reason_new")
    )
    kept = pl.col("there").is_not_null() & pl.col("there_new").is_not_null()
    found = (
        both.filter(~(same & kept))
        .select(
            change.alias("change"),
            *FIGURE,
            pl.col("base_code").fill_null(pl.col("base_code_new")),
            pl.col("value").alias("old"),
            pl.col("value_new").alias("new"),
            pl.col("withheld_reason_new").alias("withheld_reason"),
        )
        .sort("change", *FIGURE)
    )
    told: list[dict[str, Any]] = explain(settings, load_contracts(settings.contracts), old, new, found).to_dicts()
    return told
