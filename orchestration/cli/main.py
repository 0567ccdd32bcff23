"""The `kho` command: each subcommand is a module of its own, imported when it is called."""

import errno
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

# name -> what `kho --help` says
COMMANDS = {
    "demo": "Stand-in sources for one province, a full refresh, dashboards, a summary.",
    "up": "Dagster, Superset and (after a demo) the stand-in sources, until Ctrl-C.",
    "refresh": "One refresh through Dagster: read, build, audit, publish.",
    "status": "The published snapshot, and per dataset its last load and freshness.",
    "datasets": "The contracts.",
    "quarantine": "What was refused and why.",
    "loads": "The newest loads of the ledger with their verdicts.",
    "snapshots": "The published snapshots, newest first.",
    "rollback": "Publish an earlier snapshot again.",
    "diff": "The figures that differ between two snapshots.",
    "vintages": "Every value that was published of a figure, and in which snapshot.",
    "chain": "Of one unit: figure, alert, proposal, directive, measured effect.",
    "erase": "Remove a person's rows everywhere, at their request.",
    "keys": "Rotate the key of the pseudonyms.",
    "reject": "Take a load out; the next refresh brings its predecessor back.",
    "sql": "Read-only SQL on the published snapshot.",
    "backtest": "Scores of every candidate model beside the baselines.",
    "dashboards": "Deploy, verify or pull the dashboards.",
    "audit-log": "Who signed in to the dashboards, asked, took figures away or changed something.",
    "simulate": "The stand-in source systems by themselves.",
    "doctor": "Check this installation and say what to mend.",
}
# what a person mends: wrong use or configuration; by name, because importing them all takes time
WRONG_USE = {
    "ContractError",
    "SeriesError",
    "LedgerError",
    "ProjectError",
    "RewriteError",
    "SettingsError",
    "SnapshotError",
    "SupersetError",
}


class Kho(click.Group):
    """Finds a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"orchestration.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            names = {kind.__name__ for kind in type(error).__mro__}
            if names & WRONG_USE:
                click.echo(f"kho: {error}", err=True)
                ctx.exit(2)
            if "Busy" in names:
                click.echo(f"kho: {error}", err=True)
                ctx.exit(1)
            if told := _unwritable(error):
                click.echo(f"kho: {told}", err=True)
                ctx.exit(2)
            click.echo(f"kho: {type(error).__name__}: {error}\n{_kept_traceback()}", err=True)
            ctx.exit(1)


def _unwritable(error: Exception) -> str | None:
    """What to mend where the installation's folder cannot be written; None for any other error."""
    from lake.settings import SettingsError, load_settings

    if not isinstance(error, OSError) or not error.filename or isinstance(error.filename, int):
        return None
    try:
        home = load_settings().home
    except SettingsError:
        return None
    path = Path(os.fsdecode(error.filename))
    never_made = not home.exists() and path in (home, *home.parents)
    refused = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC) and path.is_relative_to(home)
    if not (never_made or refused):
        return None
    return f"{path}: {error.strerror}: KHO_HOME ({home}) must be a folder with room that this user can write"


def _kept_traceback() -> str:
    """Keep the traceback below KHO_HOME; returns where it is told."""
    from lake.settings import load_settings

    try:
        path = load_settings().home / "logs" / "kho.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(f"kho {' '.join(sys.argv[1:2])}\n{traceback.format_exc()}\n")
    except (OSError, ValueError):
        return "run `kho --debug …` for where"
    return f"{path} or `kho --debug …` tells where"


@click.group(cls=Kho, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="show tracebacks and the logs of what runs")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Collect, build, audit and publish the province's data.

    Exit codes: 0 done; 1 nothing published, the last snapshot stays; 2 wrong use or configuration;
    3 published with gaps, named on stderr.
    """
    ctx.obj = debug


def main() -> None:
    """The entry point."""
    try:
        cli.main(prog_name="kho")
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
