"""Rows on stdout: JSON for programs, a table for people, with moments in Vietnamese time."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from lake.settings import TIME_ZONE


def write_json(content: Any) -> None:
    """JSON on stdout, and nothing else there."""
    click.echo(json.dumps(content, ensure_ascii=False, indent=2, default=str))


def show(rows: Sequence[Mapping[str, Any]], as_json: bool = False, exact: bool = False) -> None:
    """Rows as a JSON list or as a table; exact: names and numbers as they are, not made for reading."""
    if as_json:
        write_json(list(rows))
        return
    if not rows:
        click.echo("nothing", err=True)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    numeric = {name for name in rows[0] if all(isinstance(row[name], int | float | None) for row in rows)}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        shown = name if exact else name.replace("_", " ")
        table.add_column(shown, justify="right" if name in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*((_exact if exact else _cell)(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 200, markup=False, emoji=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value.astimezone(TIME_ZONE) if value.tzinfo else value:%Y-%m-%d %H:%M:%S}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _exact(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
