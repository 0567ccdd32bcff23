"""`kho simulate`: the stand-in source systems in the foreground."""

import sys

import click

from lake.settings import load_settings


@click.command("simulate", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """The stand-in source systems by themselves; `kho simulate --help` lists what can be chosen."""
    from simulator.__main__ import main as simulate

    given = list(arguments)
    home = load_settings().home
    if not {"--home", "-h", "--help"} & set(given):
        given = ["--home", str(home / "simulator"), "--write-env", str(home / "kho.env"), *given]
    sys.exit(simulate(given))
