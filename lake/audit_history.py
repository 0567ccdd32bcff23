"""The table `snapshot_audit` of every published file: what its own audit said, and those of the candidates before it.

Rows that a check found are not told: they may be what an audience must not know.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from lake.settings import TIME_ZONE

PASSED = "passed"
CREATE = """create table snapshot_audit (
  snapshot_id varchar, audited_at timestamp, passed boolean, checks integer, failed_checks varchar)"""

Audit = tuple[str, datetime, bool, int, str]


def as_row(described: dict[str, Any]) -> Audit:
    """A snapshot's description with its verdict as a row of the table; times become local."""
    return (
        described["snapshot_id"],
        datetime.fromisoformat(described["audited_at"]).astimezone(TIME_ZONE).replace(tzinfo=None),
        described["audit"] == PASSED,
        described["checks"],
        ", ".join(described.get("failed_checks", [])),
    )


def former_audits(product: Path, description: str) -> list[Audit]:
    """Those of the snapshots and refused candidates that are still kept, none that told of another time.

    product: the folder of its snapshots; description: the name of the file that each folder has.
    """
    described = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(product.glob(f"*/{description}"))]
    # the pointer leads to one of the folders a second time
    audits = {one["snapshot_id"]: as_row(one) for one in described if "audited_at" in one and not one.get("as_of")}
    return list(audits.values())


def add_audits(connection: duckdb.DuckDBPyConnection, audits: Sequence[Audit]) -> None:
    """Append rows to the table of a file that is open for writing."""
    if audits:
        connection.executemany("insert into snapshot_audit values (?, ?, ?, ?, ?)", audits)
