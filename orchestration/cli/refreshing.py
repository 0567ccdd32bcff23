"""`kho refresh`: one refresh with its progress, and what it came to as an exit code."""

import logging
import os
import sys
from contextlib import redirect_stdout
from datetime import datetime

import click
from rich.console import Console

from lake.settings import Settings
from orchestration.partitions import Days
from orchestration.progress import listen


def run_refresh(
    settings: Settings,
    nightly: bool,
    datasets: list[str] | None = None,
    days: Days = None,
    as_of: datetime | None = None,
    full: bool = False,
) -> int:
    """Refresh and tell what came of it on stderr; returns the exit code of the design."""
    os.environ["DAGSTER_LOGGING_LEVEL"] = "CRITICAL"
    logging.disable(logging.INFO)
    from orchestration.refresh import refresh

    console = Console(stderr=True)
    with console.status("starting") as line, redirect_stdout(sys.stderr):

        def tell(text: str) -> None:
            line.update(text)
            if not console.is_terminal and not text.startswith("dbt:"):
                console.print(text, highlight=False)

        end = listen(tell)
        try:
            outcome = refresh(settings, nightly, datasets, days, as_of, full)
        finally:
            end()
    for gap in outcome.gaps:
        click.echo(f"gap: {gap}", err=True)
    if outcome.error:
        click.echo(f"nothing was published; {outcome.snapshot or 'no snapshot'} stays:\n{outcome.error}", err=True)
    else:
        click.echo(f"published {outcome.snapshot}", err=True)
    return outcome.exit_code
