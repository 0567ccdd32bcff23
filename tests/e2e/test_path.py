"""The whole road with real servers: REST, PostgreSQL and files → lake → dbt → models → audit → published files."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from lake.contract import Contract, load_contracts
from lake.current import read_current
from lake.ledger import read_index, write_index
from lake.loads import ingest, write_derived
from lake.settings import TIME_ZONE, Settings, load_settings
from lake.snapshots import FIGURES, build_candidate, current, describe, new_snapshot_id, open_published, switch
from lake.store import open_store
from models_ml.warnings import warn
from orchestration.dbt_manifest import dbt_command, prepare_manifest
from orchestration.installation import dbt_project, environment
from quality.gate import audit
from quality.load_suites import judge
from simulator.server import Running, start
from tests.conftest import Minio

pytestmark = pytest.mark.e2e

STREAMS = ["health.case_reports", "one_stop.dossiers"]
DATASETS = ["admin.units", "admin.unit_changes", "admin.cells", "admin.boundaries", "health.monthly_reports", *STREAMS]
MONTHS = 24


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("sources"), scale=0.3, months=MONTHS)
    yield running
    running.stop()


def build(settings: Settings) -> None:
    """dbt build on what the ledger says now."""
    contracts = load_contracts(settings.contracts)
    prepare_manifest(settings, contracts)
    write_index(settings, open_store(settings), contracts)
    ended = subprocess.run(
        [
            dbt_command(),
            "build",
            "--project-dir",
            str(dbt_project(settings)),
            "--profiles-dir",
            str(dbt_project(settings)),
        ],
        env={**os.environ, **settings.env, **environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert "WARN=0" in ended.stdout, ended.stdout[-3000:]
    versions = dbt_project(settings) / "models" / "staging" / "one_stop" / "stg_one_stop__dossiers__versions.sql"
    assert "append_versions" in versions.read_text(), "what dbt compiles must not land on the models themselves"


def tables(settings: Settings) -> dict[str, dict[str, str]]:
    """Which marts go to which audience, as their YAML says."""
    manifest = json.loads((settings.home / "dbt" / "target" / "manifest.json").read_text())
    found: dict[str, dict[str, str]] = {}
    for node in manifest["nodes"].values():
        for audience in node["config"].get("meta", {}).get("audience") or []:
            found.setdefault(audience, {})[node["name"]] = node["name"]
    return found


def collect(settings: Settings, contracts: dict[str, Contract], now: datetime) -> None:
    today = now.astimezone(TIME_ZONE).date()
    days = [today - timedelta(days=back) for back in range(31 * MONTHS, -1, -1)]
    for dataset in DATASETS:
        ingest(contracts[dataset], days if dataset in STREAMS else None, settings, judge, now)


def add_warnings(settings: Settings, contracts: dict[str, Contract], now: datetime) -> None:
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        weeks = connection.sql("select * from int_case_commune_week").pl()
        months = connection.sql("select * from int_disease_province_month").pl()
    forecasts = read_current(settings, contracts["models.forecasts"])
    warnings = warn(weeks, months, forecasts, now.astimezone(TIME_ZONE).date())
    write_derived(contracts["models.warnings"], warnings, settings, judge, now)


def test_from_the_sources_to_published_figures(sources: Running, tmp_path: Path, minio: Minio) -> None:
    """On MinIO; every other test of this folder goes the same road on a local directory, test_sources.py on both."""
    settings = load_settings({**sources.env, "KHO_HOME": str(tmp_path), **minio.lake("path")})
    contracts = load_contracts(settings.contracts)
    now = datetime.now(UTC)

    collect(settings, contracts, now)
    index = read_index(settings, open_store(settings), contracts)
    assert (index["received"] == index["accepted"] + index["quarantined"]).all()
    assert index.filter(pl.col("dataset").is_in(STREAMS))["quarantined"].sum() > 0, "bad rows are planted"
    build(settings)
    add_warnings(settings, contracts, now)
    build(settings)

    snapshot = new_snapshot_id(now)
    folder = build_candidate(settings, FIGURES, tables(settings), snapshot, {"code_version": "tests"})
    report = audit(folder, settings)
    assert report.passed, report.summary()
    describe(settings, FIGURES, snapshot, audit="passed")
    switch(settings, FIGURES, snapshot)
    assert current(settings) == snapshot

    with open_published(settings) as reader:
        ratio = reader.sql("select on_time_ratio_pct from mart_one_stop_month where level = 'province'").fetchall()
        assert len(ratio) >= MONTHS
        assert all(0 < value < 100 for (value,) in ratio)
        truth = json.loads((sources.home / "truth" / "truth.json").read_text())["outbreak"]
        alert = reader.execute(
            "select severity from mart_alert where unit_code = ? and disease_code = ? and kind = 'observed'",
            [truth["commune_code"], truth["disease"]],
        ).fetchall()
        assert alert in ([("alarm",)], [("warning",)]), "the planted outbreak is raised in its commune"


def test_a_second_build_of_the_same_loads_changes_no_row(sources: Running, tmp_path: Path) -> None:
    settings = load_settings({**sources.env, "KHO_HOME": str(tmp_path)})
    contracts = load_contracts(settings.contracts)
    now = datetime.now(UTC)
    collect(settings, contracts, now)
    build(settings)

    def rows() -> list[tuple[date, int, int]]:
        with duckdb.connect(settings.warehouse, read_only=True) as connection:
            query = "select unit_code, month, received, numerator, denominator from mart_one_stop_month order by all"
            return connection.sql(query).fetchall()

    first = rows()
    recent = [now.astimezone(TIME_ZONE).date() - timedelta(days=back) for back in range(20, 2, -1)]
    again = ingest(contracts["one_stop.dossiers"], recent, settings, judge, now)
    assert sum(entry.received for entry in again) > 0
    build(settings)
    assert rows() == first
