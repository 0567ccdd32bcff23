"""`kho dashboards`: the dashboards as code and as the server has them."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from lake.settings import Settings, load_settings


@click.group("dashboards")
def command() -> None:
    """Deploy, verify or pull the dashboards, on the Superset that `kho up` serves or on one started for it."""


@contextmanager
def _server(settings: Settings) -> Iterator[str]:
    """The address of a Superset of this installation."""
    told = settings.home / "up.json"
    if told.exists() and (url := json.loads(told.read_text()).get("Superset")):
        yield url
        return
    from orchestration.cli.watched import watched
    from orchestration.progress import report
    from superset_assets.launch import start

    with watched(settings, "superset-start"):
        report("starting Superset")
        server = start(settings, 0)
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
    """Print what was changed by hand on the server; the code stays as it is."""
    from superset_assets.verify import verify

    settings = load_settings()
    with _server(settings) as url:
        problems = verify(settings, url)
    for problem in problems:
        click.echo(problem)
    told = "bring into superset_assets/ by hand what shall stay; `kho dashboards deploy` undoes the rest"
    click.echo(told if problems else "the server holds what the code says", err=True)


def _tell(problems: list[str]) -> None:
    for problem in problems:
        click.echo(problem, err=True)
    click.echo("the server differs from the code" if problems else "the server holds what the code says", err=True)
    sys.exit(1 if problems else 0)
