"""`kho erase`: a person's rows are removed from the lake, the marts and what is published."""

import sys
from datetime import UTC, datetime

import click

from lake.contract import load_contracts
from lake.settings import load_settings


@click.command("erase")
@click.argument("pseudonyms", nargs=-1, metavar="PSEUDONYM…")
@click.option("--numbers", is_flag=True, help="read identity numbers from standard input, one a line; none is kept")
@click.option("--replay", is_flag=True, help="apply all earlier erasures again, after a restore")
@click.option("--asked-by", metavar="OFFICE", help="who asked; kept in the list of erasures")
@click.option("--reason", metavar="TEXT", help="on what ground; kept in the list of erasures")
@click.pass_obj
def command(
    debug: bool,
    pseudonyms: tuple[str, ...],
    numbers: bool,
    replay: bool,
    asked_by: str | None,
    reason: str | None,
) -> None:
    """Remove every row of these persons; then build and publish without them.

    Objects, marts and published files are rewritten; the ledger keeps counts, never values. This cannot be undone.
    """
    import polars as pl

    from lake.pseudonyms import load_key, pseudonymise
    from lake.rewrite import erase, replay_erasures
    from orchestration.cli.refresh import run_refresh
    from orchestration.cli.watched import watched
    from orchestration.publications import forget_rows
    from orchestration.writer_lock import writer_lock

    settings = load_settings()
    contracts = load_contracts(settings.contracts)
    wanted = list(pseudonyms)
    if numbers:
        lines = [line.strip() for line in sys.stdin if line.strip()]
        wanted += pseudonymise(pl.Series(lines, dtype=pl.String()), load_key(settings)).to_list()
    if replay == bool(wanted):
        raise click.UsageError("name pseudonyms, or give --numbers or --replay")
    if wanted and not (asked_by and reason):
        raise click.UsageError("--asked-by and --reason are kept with the erasure: give both")
    with watched(settings, "erase", debug) as tell, writer_lock(settings, say=lambda text: None):
        if replay:
            touched = replay_erasures(settings, contracts, tell)
        else:
            touched = erase(settings, contracts, wanted, asked_by or "", reason or "", datetime.now(UTC), tell)
        forget_rows(settings)
    counts = (
        touched.group_by("dataset").agg(pl.col("rows", "quarantined", "texts").sum(), loads=pl.len()).sort("dataset")
    )
    for dataset, rows, refused, texts, loads in counts.iter_rows():
        click.echo(
            f"{dataset}: {rows:,} rows, {refused:,} quarantined and {texts:,} texts in {loads:,} loads", err=True
        )
    if touched.is_empty():
        click.echo("nothing of these persons is in the lake", err=True)
    sys.exit(run_refresh(settings, nightly=False, read=False, debug=debug))
