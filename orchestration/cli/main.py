"""The `kho` command. JSON goes to stdout alone; messages and progress to stderr."""

import json
import sys
from datetime import UTC, date, datetime
from typing import Any

import click

from lake.contract import ContractError, load_contracts
from lake.ledger import LedgerError, read_index, reject
from lake.settings import SettingsError, load_settings
from lake.snapshots import SnapshotError, list_snapshots, open_published, rollback
from lake.store import open_store

WRONG_USE = (ContractError, LedgerError, SettingsError, SnapshotError)


class Kho(click.Group):
    """Errors that a person can mend are one line and exit code 2; the rest shows its traceback with --debug."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WRONG_USE as error:
            click.echo(f"kho: {error}", err=True)
            ctx.exit(2)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"kho: {type(error).__name__}: {error} (run `kho --debug …` for where)", err=True)
            ctx.exit(1)


@click.group(cls=Kho)
@click.option("--debug", is_flag=True, help="show tracebacks")
def cli(debug: bool) -> None:
    """Collect, build, audit and publish the province's data."""


def show(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Rows as JSON or as a table."""
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*(rows[0] if rows else ["–"]))
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def day(text: str | None) -> date | None:
    """A day of the command line."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise click.BadParameter(f"{text!r} is no day; expected for example 2026-11-23") from None


@cli.command("refresh")
@click.option("--hourly/--nightly", "hourly", default=False, help="without the models and facts, or with them")
@click.option("--datasets", help="these alone, separated by commas")
@click.option("--from", "first", help="first day to read")
@click.option("--to", "last", help="last day to read")
@click.option("--as-of", help="build what was known then; nothing is read")
@click.option("--full", is_flag=True, help="rebuild what is usually appended to")
def refresh_command(
    hourly: bool, datasets: str | None, first: str | None, last: str | None, as_of: str | None, full: bool
) -> None:
    """One refresh through Dagster: read, build, audit, publish."""
    from orchestration.cli.refreshing import run_refresh

    begin, end = day(first), day(last)
    if (begin is None) != (end is None):
        raise click.UsageError("--from and --to go together")
    moment = datetime.fromisoformat(as_of).astimezone(UTC) if as_of else None
    days = (begin, end) if begin and end else None
    names = datasets.split(",") if datasets else None
    sys.exit(run_refresh(load_settings(), not hourly, names, days, moment, full))


@cli.command("demo")
def demo_command() -> None:
    """Stand-in sources for one province, a full refresh, a summary."""
    from orchestration.cli.demo import run_demo

    sys.exit(run_demo(load_settings()))


@cli.command("up")
@click.option("--port", default=0, help="of Dagster; any free one unless given")
def up_command(port: int) -> None:
    """Dagster, and the stand-in sources where the demo is configured, until Ctrl-C."""
    from orchestration.cli.serving import serve

    sys.exit(serve(load_settings(), port))


@cli.command("simulate", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def simulate_command(arguments: tuple[str, ...]) -> None:
    """The stand-in source systems by themselves."""
    from simulator.__main__ import main as simulate

    sys.exit(simulate(list(arguments)))


@cli.command("status")
@click.option("--json", "as_json", is_flag=True)
def status_command(as_json: bool) -> None:
    """The published snapshot, and per dataset its last load and freshness."""
    from orchestration.cli.status import status

    told = status(load_settings())
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=str))
        return
    click.echo(f"snapshot {told['snapshot'] or 'none'}, built {told['built_at'] or '–'}, audit {told['audit'] or '–'}")
    show(told["datasets"], False)


@cli.command("datasets")
@click.option("--json", "as_json", is_flag=True)
def datasets_command(as_json: bool) -> None:
    """The contracts."""
    fields = ("dataset", "title", "protocol", "mode", "schedule", "owner", "secrecy")
    contracts = load_contracts(load_settings().contracts).values()
    show([{name: getattr(one, name) for name in fields} for one in contracts], as_json)


@cli.command("quarantine")
@click.argument("dataset", required=False)
@click.option("--json", "as_json", is_flag=True)
def quarantine_command(dataset: str | None, as_json: bool) -> None:
    """What was refused and why."""
    from orchestration.cli.status import quarantined

    show(quarantined(load_settings(), dataset), as_json)


@cli.command("snapshots")
@click.option("--json", "as_json", is_flag=True)
def snapshots_command(as_json: bool) -> None:
    """The published snapshots, newest first."""
    show(list_snapshots(load_settings()), as_json)


@cli.command("rollback")
@click.argument("snapshot")
def rollback_command(snapshot: str) -> None:
    """Publish an earlier snapshot again."""
    before = rollback(load_settings(), snapshot)
    click.echo(f"{snapshot} is published; it was {before}", err=True)


@cli.command("reject")
@click.argument("load")
@click.option("--reason", default="Rút lại bằng tay", help="Vietnamese; kept in the ledger")
def reject_command(load: str, reason: str) -> None:
    """Take a load out; the next refresh brings its predecessor back."""
    settings = load_settings()
    dataset = reject(open_store(settings), load, reason, datetime.now(UTC))
    click.echo(f"{dataset}: load {load} is taken out; run `kho refresh`", err=True)


@cli.command("sql")
@click.argument("query")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table")
@click.option("--snapshot")
def sql_command(query: str, form: str, snapshot: str | None) -> None:
    """Read-only SQL on the published snapshot."""
    import duckdb

    with open_published(load_settings(), snapshot) as connection:
        try:
            result = connection.sql(query)
            frame = result.pl() if result is not None else None
        except duckdb.Error as error:
            click.echo(f"kho: {error}", err=True)
            sys.exit(2)
    if frame is None:
        return
    if form == "csv":
        click.echo(frame.write_csv(), nl=False)
    else:
        show(frame.to_dicts(), form == "json")


@cli.command("backtest")
@click.option("--series", help="one disease")
@click.option("--json", "as_json", is_flag=True)
def backtest_command(series: str | None, as_json: bool) -> None:
    """Scores of every candidate beside the baselines, as the last nightly refresh found them."""
    import polars as pl

    from lake.current import read_current
    from models_ml.backtests import score_table

    settings = load_settings()
    scores = read_current(settings, load_contracts(settings.contracts)["models.backtests"])
    table = score_table(scores if series is None else scores.filter(pl.col("disease_code") == series))
    show(table.with_columns(pl.selectors.float().round(3)).to_dicts(), as_json)


@cli.command("loads")
@click.option("--json", "as_json", is_flag=True)
def loads_command(as_json: bool) -> None:
    """The newest loads of the ledger with their verdicts."""
    settings = load_settings()
    index = read_index(settings, open_store(settings), load_contracts(settings.contracts))
    fields = ["load_id", "dataset", "day", "status", "standing", "received", "accepted", "quarantined", "reasons"]
    show(index.sort("load_id", descending=True).head(50).select(fields).to_dicts(), as_json)


def main() -> None:
    """The entry point."""
    cli.main(prog_name="kho")
