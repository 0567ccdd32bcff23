"""`kho keys`: the key of the pseudonyms."""

import sys

import click

from lake.contract import load_contracts
from lake.settings import load_settings


@click.group("keys")
def command() -> None:
    """The key of the pseudonyms."""


@command.command("rotate")
@click.pass_obj
def rotate(debug: bool) -> None:
    """Add a secret to the key, advance all history to it, then build and publish.

    Persons stay linked over the change, without their numbers. If it is interrupted the next refresh goes on with it.
    """
    from lake.rewrite import rotate_key
    from orchestration.cli.refresh import run_refresh
    from orchestration.cli.watched import watched
    from orchestration.publications import forget_rows
    from orchestration.writer_lock import writer_lock

    settings = load_settings()
    with watched(settings, "keys", debug) as tell, writer_lock(settings, say=lambda text: None):
        forget_rows(settings)
        rewritten = rotate_key(settings, load_contracts(settings.contracts), tell)
    click.echo(
        f"{rewritten:,} objects carry the pseudonyms of the new key; keep a copy of {settings.pseudonym_key_file}",
        err=True,
    )
    sys.exit(run_refresh(settings, nightly=False, read=False, debug=debug))
