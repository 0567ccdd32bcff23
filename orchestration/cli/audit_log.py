"""`kho audit-log`: who signed in to the dashboards, asked, took figures away or changed something."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from lake.settings import TIME_ZONE, load_settings
from orchestration.cli.output import show

KINDS = ("sign-in", "sign-out", "page", "query", "export", "change", "read-log")


@click.command("audit-log")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="first day, YYYY-MM-DD")
@click.option("--user", help="of this account alone")
@click.option("--kind", type=click.Choice(KINDS), multiple=True, help="of this kind alone; may be given again")
@click.option("--refused", is_flag=True, help="what was refused alone")
@click.option("--json", "as_json", is_flag=True)
def command(since: datetime | None, user: str | None, kind: tuple[str, ...], refused: bool, as_json: bool) -> None:
    """The audit log of the dashboards, oldest first."""
    first = since.replace(tzinfo=TIME_ZONE) if since else None
    found = [
        line
        for line in lines(load_settings().home / "logs" / "audit", first)
        if (not user or line["user"] == user)
        and (not kind or line["kind"] in kind)
        and (line["refused"] or not refused)
    ]
    if not as_json:
        for line in found:
            line["at"] = datetime.fromisoformat(line["at"]).astimezone(TIME_ZONE).strftime("%d/%m/%Y %H:%M:%S")
            line["asked"] = line["asked"][:120]
    show(found, as_json)


def lines(folder: Path, first: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Every line from a moment on. A line that a power loss tore is told as torn and not left out."""
    for path in sorted(folder.glob("*.jsonl")):
        if first and path.stem < first.strftime("%Y-%m"):
            continue
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                line = {"at": f"{path.stem}-01T00:00:00+00:00", "user": "", "from": "", "kind": "torn", "method": "",
                        "path": "", "asked": text[:200], "status": 0, "refused": False}  # fmt: skip
            if first is None or datetime.fromisoformat(line["at"]) >= first:
                yield line
