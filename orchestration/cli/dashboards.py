"""`kho dashboards`: the dashboards as code and as the server has them."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from lake.settings import Settings, load_settings


@click.group("dashboards")
def command() -> None:
    """Deploy, verify, pull or picture the dashboards, on the Superset that `kho up` serves or one started for it."""


@contextmanager
def _server(settings: Settings) -> Iterator[str]:
    """The address of a Superset of this installation."""
    from superset_assets.launch import address_told, start

    if url := address_told(settings):
        yield url
        return
    from orchestration.cli.watched import watched
    from orchestration.progress import report

    with watched(settings, "superset-start"):
        report("starting Superset")
        server = start(settings)
    with server:
        yield server.url


@command.command("deploy")
def deploy_command() -> None:
    """Bring the server to what the code says; running it again changes nothing."""
    from superset_assets.deploy import deploy

    settings = load_settings()
    with _server(settings) as url:
        done = deploy(settings, url)
    click.echo(", ".join(f"{count} {kind}" for kind, count in done.counts.items()), err=True)
    for title, address in done.dashboards.items():
        click.echo(f"{title}: {address}", err=True)
    if done.removed:
        click.echo(f"removed: {', '.join(done.removed)}", err=True)
    _tell(done.problems)


@command.command("verify")
def verify_command() -> None:
    """Name every difference between the server and the code; exit code 1 if there is one."""
    from superset_assets.verify import verify

    settings = load_settings()
    with _server(settings) as url:
        problems = verify(settings, url)
    _tell(problems)


@command.command("pull")
def pull_command() -> None:
    """Write what was changed by hand on the server into the files; name what a person must bring over."""
    from superset_assets.pull import pull

    settings = load_settings()
    with _server(settings) as url:
        written, left = pull(settings, url)
    for path in written:
        click.echo(f"superset_assets/{path}")
    for one in left:
        click.echo(f"not brought over: {one}", err=True)
    told = "look at `git diff`; `kho dashboards deploy` undoes what is not brought over"
    click.echo(told if written or left else "the server holds what the code says", err=True)


@command.command("screenshots")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Default: screenshots/ of KHO_HOME.")
@click.option("--dashboard", "slugs", multiple=True, help="The last part of its address; default: all.")
@click.option("--size", "sizes", multiple=True, help="Of the window, like 1366x768; default: two screens and a phone.")
@click.option(
    "--as", "username", help="Whose pages, who has not changed the first password; default: the administrator."
)
@click.option("--json", "as_json", is_flag=True, help="The whole report on stdout.")
def screenshots_command(
    folder: Path | None, slugs: tuple[str, ...], sizes: tuple[str, ...], username: str | None, as_json: bool
) -> None:
    """Pictures of whole pages and a report of what is wrong with them; exit code 1 if anything is."""
    from superset_assets.launch import ADMINISTRATOR
    from superset_assets.page_report import report_pages

    settings = load_settings()
    titles = _titles(settings, slugs)
    windows = [_window(size) for size in sizes]
    with _server(settings) as url:
        chosen = folder or settings.home / "screenshots"
        report = report_pages(settings, url, list(titles), chosen, windows, username or ADMINISTRATOR)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=1))
    for page in report:
        click.echo(
            f"{page['picture']}: {page['seconds']} s, " + ("as it should be" if not page["faults"] else ""), err=True
        )
        for kind, found in page["faults"].items():
            for one in found:
                click.echo(f"  {kind}: {one}", err=True)
    sys.exit(1 if any(page["faults"] for page in report) else 0)


@command.command("print")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Default: prints/ of KHO_HOME.")
@click.option("--dashboard", "slugs", multiple=True, help="The last part of its address; default: all.")
def print_command(folder: Path | None, slugs: tuple[str, ...]) -> None:
    """One PDF a dashboard, A4, no chart cut by the end of a page."""
    from superset_assets.printing import print_dashboards

    settings = load_settings()
    titles = _titles(settings, slugs)
    with _server(settings) as url:
        for printed in print_dashboards(settings, url, titles, folder or settings.home / "prints"):
            click.echo(f"{printed.path}: {printed.parts} rows, {printed.seconds} s", err=True)


@command.command("mail")
@click.option("--mailing", "names", multiple=True, help="Its name in the file of users; default: all.")
@click.option("--to", default="", help="Send to this address instead, to try.")
def mail_command(names: tuple[str, ...], to: str) -> None:
    """Mail pages as PDF to the groups that the file of users names; exit code 1 if a letter was not sent."""
    from orchestration.mail import SERVER
    from orchestration.mailing import mail_dashboards

    settings = load_settings()
    settings.source(SERVER)  # before a server is started and pages are printed
    failed = False
    with _server(settings) as url:
        for one in mail_dashboards(settings, url, names, to):
            click.echo(f"{one.name}: not sent: {one.error}" if one.error else f"{one.name}: sent to {one.to}", err=True)
            failed |= bool(one.error)
    sys.exit(1 if failed else 0)


def _titles(settings: Settings, slugs: tuple[str, ...]) -> dict[str, str]:
    """Last part of the address -> title, of the dashboards named or of all. Raises UsageError for an unknown one."""
    from superset_assets.bundle import placeholders, read_assets

    known = {one["slug"]: one["dashboard_title"] for one in read_assets(placeholders(settings)).dashboards.values()}
    if unknown := set(slugs) - set(known):
        raise click.UsageError(f"no such dashboard: {', '.join(sorted(unknown))} (there are {', '.join(known)})")
    return {slug: known[slug] for slug in slugs or known}


def _window(size: str) -> tuple[int, int]:
    """Width and height in pixels. Raises UsageError."""
    if not (match := re.fullmatch(r"(\d{3,4})[x×](\d{3,4})", size)):
        raise click.UsageError(f"{size!r} is no size like 1366x768")
    return int(match[1]), int(match[2])


def _tell(problems: list[str]) -> None:
    for problem in problems:
        click.echo(problem, err=True)
    click.echo("the server differs from the code" if problems else "the server holds what the code says", err=True)
    sys.exit(1 if problems else 0)
