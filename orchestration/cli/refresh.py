"""`kho refresh`: one refresh with its progress, and what it came to as an exit code."""

import sys
from datetime import UTC, date, datetime

import click

from lake.settings import TIME_ZONE, Settings, load_settings
from orchestration.cli.watched import watched
from orchestration.partitions import Days


def parse_day(text: str | None) -> date | None:
    """A day of the command line."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise click.BadParameter(f"{text!r} is no day; expected for example 2026-11-23") from None


def parse_moment(text: str | None) -> datetime | None:
    """A moment of the command line, in Vietnamese time unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time; expected for example 2026-11-23T08:00") from None
    if moment and moment.tzinfo is None:
        moment = moment.replace(tzinfo=TIME_ZONE)
    return moment.astimezone(UTC) if moment else None


def run_refresh(
    settings: Settings,
    nightly: bool = True,
    datasets: list[str] | None = None,
    days: Days = None,
    as_of: datetime | None = None,
    full: bool = False,
    debug: bool = False,
    read: bool = True,
    since: float | None = None,
) -> int:
    """Refresh and tell what came of it on stderr; returns the exit code of the design. since: as in `watched`."""
    from orchestration.refresh import refresh

    with watched(settings, "refresh", debug, since):
        outcome = refresh(settings, nightly, datasets, days, as_of, full, read)
    for gap in outcome.gaps:
        click.echo(f"gap: {gap}", err=True)
    if as_of and not outcome.error:
        click.echo(f"built {outcome.snapshot}, what was known at {as_of.isoformat()}; nothing was published", err=True)
        click.echo(f"read it: kho sql --snapshot {outcome.snapshot} … or kho diff {outcome.snapshot} ID", err=True)
    elif outcome.error:
        click.echo(f"nothing was published; {outcome.snapshot or 'no snapshot'} stays:\n{outcome.error}", err=True)
        click.echo(f"log: {settings.home / 'logs' / 'refresh.log'}", err=True)
    else:
        click.echo(f"published {outcome.snapshot}{' with gaps' if outcome.gaps else ''}", err=True)
    return outcome.exit_code


@click.command("refresh")
@click.option("--hourly", "hourly", is_flag=True, help="hourly sources and new files; no models, no facts")
@click.option("--nightly", "nightly", is_flag=True, help="everything (the default)")
@click.option("--datasets", help="read these alone, separated by commas")
@click.option("--from", "first", metavar="DAY", help="first day to read")
@click.option("--to", "last", metavar="DAY", help="last day to read")
@click.option("--as-of", metavar="TIME", help="build what was known then as a snapshot beside the published one")
@click.option("--full", is_flag=True, help="rebuild the warehouse from the lake, also what is usually appended to")
@click.pass_obj
def command(
    debug: bool,
    hourly: bool,
    nightly: bool,
    datasets: str | None,
    first: str | None,
    last: str | None,
    as_of: str | None,
    full: bool,
) -> None:
    """One refresh through Dagster: read, build, audit, publish."""
    begin, end, moment = parse_day(first), parse_day(last), parse_moment(as_of)
    if hourly and nightly:
        raise click.UsageError("--hourly or --nightly, not both")
    if (begin is None) != (end is None):
        raise click.UsageError("--from and --to go together")
    if begin and end and begin > end:
        raise click.UsageError("--from is after --to")
    if moment and moment > datetime.now(UTC):
        raise click.UsageError("--as-of is in the future: nothing is known of it")
    if moment and full:
        raise click.UsageError("--as-of is always built in full: it goes without --full")
    if moment and (datasets or begin):
        raise click.UsageError("--as-of reads nothing: it goes without --datasets, --from and --to")
    names = [name.strip() for name in datasets.split(",")] if datasets else None
    days = (begin, end) if begin and end else None
    sys.exit(run_refresh(load_settings(), not hourly, names, days, moment, full, debug))
