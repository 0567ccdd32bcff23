"""`kho quarantine`: what was refused and why, and each unit's list of what it has to mend."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # importing it takes time that a wrong option need not wait for
    import polars as pl

from lake.contract import load_contracts
from lake.settings import TIME_ZONE, SettingsError, load_settings
from orchestration.cli.output import show

ROWS_SHOWN = 50
SHOWN = ("dataset", "day", "record_id", "unit_code", "reasons", "reason_text", "refused_values", "place", "repair_by")


@click.command("quarantine")
@click.argument("dataset", required=False)
@click.option("--unit", metavar="CODE", help="rows of this unit alone")
@click.option("--last", default=ROWS_SHOWN, show_default=True, help="how many rows")
@click.option(
    "--export", "target", type=click.Path(path_type=Path), help="write all of them as .csv or .xlsx for the unit"
)
@click.option("--json", "as_json", is_flag=True)
def command(dataset: str | None, unit: str | None, last: int, target: Path | None, as_json: bool) -> None:
    """Refused rows that were not sent again in order since, with every reason and the day to mend them by.

    A row disappears by itself when the source sends it again and it is accepted.
    """
    import polars as pl

    from lake.refused import reason_counts, repair_list, still_refused

    settings = load_settings()
    contracts = load_contracts(settings.contracts)
    if dataset and dataset not in contracts:
        raise SettingsError(f"no dataset {dataset}; `kho datasets` lists those there are")
    asked = {dataset: contracts[dataset]} if dataset else contracts
    rows = pl.concat(still_refused(settings, one) for one in asked.values())
    if unit:
        rows = rows.filter(pl.col("unit_code") == unit)
    if target:
        _write(repair_list(rows, datetime.now(UTC).astimezone(TIME_ZONE).date()), target)
        click.echo(f"{len(rows):,} rows in {target}", err=True)
        return
    newest = rows.sort("load_id", descending=True, maintain_order=True).head(last).select(SHOWN)
    show(newest.with_columns(pl.col("reasons").list.join(", ")).to_dicts(), as_json)
    for name, reasons in reason_counts(settings, asked).items():
        told = ", ".join(f"{code} {count:,}" for code, count in reasons.items())
        click.echo(f"{name}: {told}", err=True)


def _write(rows: "pl.DataFrame", target: Path) -> None:
    """As CSV that spreadsheet programs open in UTF-8, or as a workbook."""
    if target.suffix == ".csv":
        target.write_text(rows.write_csv(), encoding="utf-8-sig")
    elif target.suffix == ".xlsx":
        import openpyxl

        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Cần sửa")
        sheet.append(rows.columns)
        for row in rows.iter_rows():  # a unit's list is short
            sheet.append(row)
        book.save(target)
    else:
        raise SettingsError(f"{target}: expected a name that ends in .csv or .xlsx")
