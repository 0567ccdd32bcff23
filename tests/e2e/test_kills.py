"""SIGKILL of a refresh at random moments, then a rerun: the same figures as without the kill, nothing doubled.

KHO_KILLS says how many (3 unless set); four at a time fall on one installation before it may finish.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from lake.contract import load_contracts
from lake.ledger import read_index
from lake.settings import Settings, load_settings
from lake.snapshots import open_published
from lake.store import open_store
from simulator.server import Running, start
from tests.e2e.installation import core_contracts

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

REPOSITORY = Path(__file__).parents[2]
KILLS = int(os.environ.get("KHO_KILLS", "3"))
IN_A_ROW = 4
FIGURES = {
    "mart_one_stop_month": "unit_code, month, received, numerator, denominator, on_time_ratio_pct",
    "mart_disease_unit_week": "unit_code, disease_code, week_start, cases",
    "mart_disease_unit_month": "unit_code, disease_code, month, cases",
    "mart_disease_province_month": "unit_code, disease_code, month, cases, suppressed",
    "mart_map_commune": "unit_code, month, part, on_time_ratio_pct",
    "stg_one_stop__dossiers": "* exclude (_load_id)",
    "stg_health__case_reports": "* exclude (_load_id)",
    "stg_health__monthly_reports": "* exclude (_load_id)",
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("still-sources"), scale=0.1, months=3, frozen=True)
    yield running
    running.stop()


def environment(home: Path, sources: Running) -> dict[str, str]:
    settings = {
        "KHO_HOME": str(home),
        "KHO_BACKFILL_MONTHS": "3",
        "KHO_PSEUDONYM_KEY_FILE": str(home.parent / "pseudonym.key"),  # the same pseudonyms everywhere
        "PYTHONPATH": str(REPOSITORY),
        "KHO_CONTRACTS": str(core_contracts()),
    }
    return {**os.environ, **sources.env, **settings}


def refresh(home: Path, sources: Running) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration", "refresh", "--hourly"],
        env=environment(home, sources),
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )


def figures(settings: Settings) -> dict[str, pl.DataFrame]:
    with open_published(settings) as reader:
        return {table: reader.sql(f"select {names} from {table} order by all").pl() for table, names in FIGURES.items()}


def test_a_killed_refresh_leaves_no_trace_in_the_figures(tmp_path: Path, sources: Running) -> None:
    began = time.monotonic()
    whole = refresh(tmp_path / "whole", sources)
    told = whole.communicate()[1]
    assert whole.returncode == 0, told
    seconds = time.monotonic() - began
    expected = figures(load_settings(environment(tmp_path / "whole", sources)))
    chance = random.Random(20261123)

    for number in range(-(-KILLS // IN_A_ROW)):
        home = tmp_path / f"killed-{number}"
        for _ in range(min(IN_A_ROW, KILLS - number * IN_A_ROW)):
            process = refresh(home, sources)
            time.sleep(chance.uniform(0.1, 1.0) * seconds)
            process.send_signal(signal.SIGKILL)  # itself alone: what it started is left to end by itself
            process.communicate()
        again = refresh(home, sources)
        told = again.communicate()[1]
        assert again.returncode == 0, told
        settings = load_settings(environment(home, sources))
        found = figures(settings)
        for table, rows in expected.items():
            assert found[table].equals(rows), f"{table} after kills on {home.name}"
        index = read_index(settings, open_store(settings), load_contracts(settings.contracts))
        assert (index["received"] == index["accepted"] + index["quarantined"]).all()
