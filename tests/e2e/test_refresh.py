"""`kho refresh` as the 03:00 schedule's users know it: exit codes, and what stays when a source is gone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator import faults
from simulator.server import Running, start

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("refreshed-sources"), scale=0.1, months=4)
    yield running
    running.stop()


def kho(home: Path, sources: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "KHO_HOME": str(home),
        "KHO_BACKFILL_MONTHS": "3",
        "KHO_RETRY_SECONDS": "0.05",
        "PYTHONPATH": str(REPOSITORY),
    }
    return subprocess.run(
        [sys.executable, "-m", "orchestration", *arguments],
        env={**os.environ, **sources.env, **settings},
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )


def snapshot(home: Path, sources: Running) -> str:
    told = json.loads(kho(home, sources, "status", "--json").stdout)
    return str(told["snapshot"])


def test_a_refresh_publishes_and_a_source_that_is_down_leaves_a_gap_and_no_hole(
    tmp_path: Path, sources: Running
) -> None:
    first = kho(tmp_path, sources, "refresh", "--hourly")
    assert first.returncode == 0, first.stderr[-3000:]
    published = snapshot(tmp_path, sources)
    counted = kho(tmp_path, sources, "sql", "select count(*) as n from mart_one_stop_month", "--format", "json")
    assert json.loads(counted.stdout)[0]["n"] > 0

    with faults.fault(sources, "down"):
        second = kho(tmp_path, sources, "refresh", "--hourly")
    assert second.returncode == 3, second.stderr[-3000:]
    assert "one_stop.dossiers" in second.stderr
    assert snapshot(tmp_path, sources) != published
    again = kho(tmp_path, sources, "sql", "select count(*) as n from mart_one_stop_month", "--format", "json")
    assert again.stdout == counted.stdout, "what was read before the source went down is still told"


def test_wrong_use_is_one_line_and_exit_code_2(tmp_path: Path, sources: Running) -> None:
    nothing = kho(tmp_path, sources, "sql", "select 1")
    assert nothing.returncode == 2
    assert "nothing is published yet" in nothing.stderr
    assert "Traceback" not in nothing.stderr
