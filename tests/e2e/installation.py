"""An installation as its users know it: a folder, the stand-in sources, the `kho` command."""

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import libfaketime
import polars as pl

from simulator.server import Running

REPOSITORY = Path(__file__).parents[2]
CORE = ("admin", "directives", "health", "models", "one_stop", "publish")


@cache
def core_contracts() -> Path:
    """The contracts behind the marts there are: for what is about the road and not about one more source."""
    folder = Path(tempfile.mkdtemp(prefix="contracts-", dir=os.environ["PYTEST_DEBUG_TEMPROOT"]))
    for system in CORE:
        shutil.copytree(REPOSITORY / "lake" / "contracts" / system, folder / system)
    return folder


@dataclass(frozen=True)
class Installation:
    """One KHO_HOME on given sources, with the core contracts unless told otherwise.

    months: how far the first refresh reads back.
    """

    home: Path
    sources: Running
    months: int = 3
    env: dict[str, str] = field(default_factory=dict)
    code: Path = REPOSITORY

    def environment(self) -> dict[str, str]:
        """What the command is given."""
        settings = {
            "KHO_HOME": str(self.home),
            "KHO_BACKFILL_MONTHS": str(self.months),
            "KHO_RETRY_SECONDS": "0.05",
            "KHO_CONTRACTS": str(core_contracts()),
            "PYTHONPATH": str(self.code),
        }
        return {**os.environ, **self.sources.env, **settings, **self.env}

    def at(self, moment: datetime) -> "Installation":
        """The same one from another time on (aware): every process that it starts takes it for now, and it runs on."""
        _, preloaded = libfaketime.get_reload_information()
        away = (moment - datetime.now(UTC)).total_seconds()
        clock = {"FAKETIME": f"{away:+.0f}", "NO_FAKE_STAT": "1"}
        return replace(self, env={**self.env, **preloaded, **clock})

    def kho(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "orchestration", *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.code,
        )

    def status(self) -> dict[str, Any]:
        """What `kho status --json` tells."""
        told: dict[str, Any] = json.loads(self.kho("status", "--json").stdout)
        return told

    def dataset(self, name: str) -> dict[str, Any]:
        """What `kho status --json` tells of one dataset."""
        return next(one for one in self.status()["datasets"] if one["dataset"] == name)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What `kho sql` answers."""
        answer = self.kho("sql", query, "--format", "json")
        assert answer.returncode == 0, answer.stderr
        found: list[dict[str, Any]] = json.loads(answer.stdout)
        return found


def contents(home: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder: its bytes, and what a reader of its format finds in it."""
    for path in home.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        raw = path.read_bytes()
        yield path, raw
        if raw.startswith(b"PAR1"):
            yield path, pl.read_parquet(io.BytesIO(raw)).write_json().encode()
        elif raw.startswith(b"SQLite"):
            with sqlite3.connect(path) as connection:
                yield path, "\n".join(connection.iterdump()).encode()
        elif path.suffix == ".duckdb":
            with duckdb.connect(path, read_only=True) as connection:
                found = connection.execute("select database_name, table_name from duckdb_tables()").fetchall()
                for database, table in found:
                    yield path, connection.sql(f'select * from "{database}".main."{table}"').pl().write_json().encode()
