"""The whole road with real servers: sources → lake on MinIO → dbt → models → audit → published files → dashboard.

Every other test of this folder goes the same road on a local directory, test_sources.py on both.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.settings import Settings, load_settings
from simulator.server import start
from superset_assets.client import connect
from superset_assets.deploy import deploy
from superset_assets.launch import Running as Superset
from superset_assets.launch import start as start_superset
from superset_assets.screenshot import screenshots
from tests.conftest import Minio
from tests.e2e.installation import Installation

pytestmark = pytest.mark.e2e
MONTHS = 24
TITLES = (
    "Tổng quan tỉnh",
    "Cảnh báo cần xem xét",
    "Tỷ lệ đúng hạn theo xã",
    "Diễn biến và dự báo số ca",
    "Số liệu này tính đến đâu",
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, minio: Minio) -> Iterator[Installation]:
    """After a nightly refresh of two years, with few rows. Not to be written."""
    sources = start(tmp_path_factory.mktemp("sources"), scale=0.3, months=MONTHS)
    try:
        installation = Installation(tmp_path_factory.mktemp("path") / "home", sources, MONTHS, minio.lake("path"))
        done = installation.kho("refresh", "--nightly")
        assert done.returncode == 0, done.stderr[-3000:]
        yield installation
    finally:
        sources.stop()


@pytest.fixture(scope="module")
def served(published: Installation) -> Iterator[tuple[Settings, Superset]]:
    """Superset over these figures."""
    settings = load_settings(published.environment())
    with start_superset(settings) as server:
        first = deploy(settings, server.url)
        assert first.passed, first.problems
        yield settings, server


def test_figures_of_two_years_are_published(published: Installation) -> None:
    told = published.status()
    for one in told["datasets"]:
        assert one["received"] == one["accepted"] + one["quarantined"], one
    assert published.dataset("one_stop.dossiers")["quarantined"] > 0, "bad rows are planted"
    assert not list((published.home / "lake").rglob("*.parquet")), "the lake is on MinIO"
    ratios = published.rows("select on_time_ratio_pct as pct from mart_one_stop_month where level = 'province'")
    assert len(ratios) >= MONTHS
    assert all(0 < one["pct"] < 100 for one in ratios)
    assert published.rows("select count(*) as n from mart_disease_forecast where q50 is not null")[0]["n"] > 0


def test_the_planted_outbreak_is_raised_in_its_commune(published: Installation) -> None:
    truth = json.loads((published.sources.home / "truth" / "truth.json").read_text(encoding="utf-8"))["outbreak"]
    alerts = published.rows(
        f"select severity from mart_alert where unit_code = '{truth['commune_code']}' "
        f"and disease_code = '{truth['disease']}' and kind = 'observed'"
    )
    assert [one["severity"] for one in alerts] in (["alarm"], ["warning"])


def test_the_files_of_the_server_cannot_be_read_by_sql(served: tuple[Settings, Superset]) -> None:
    settings, server = served
    client = connect(settings, server.url)
    database = next(client.all_of("database"))["id"]
    for hostile in ("select * from read_text('/etc/hostname')", "attach '/tmp/x.duckdb' as x", "install httpfs"):
        answer = client.post(
            f"{server.url}/api/v1/sqllab/execute/", json={"database_id": database, "sql": hostile, "schema": "main"}
        )
        assert answer.status_code != 200, hostile


def test_a_leader_sees_the_dashboard_in_vietnamese_and_nothing_leaves_the_browser(
    served: tuple[Settings, Superset], tmp_path: Path
) -> None:
    settings, server = served
    for picture in screenshots(settings, server.url, "tong-quan-tinh", tmp_path):
        assert picture.path.stat().st_size > 50_000
        assert picture.errors == []
        assert picture.external == []
        assert picture.canvases >= 1, "the map is drawn"
        for title in TITLES:
            assert title in picture.text, title
        assert "Ô quanh tâm xã" in picture.text, "cells are labelled as no boundaries"
        for english in ("No data", "Loading", "Unexpected error", "No results"):
            assert english not in picture.text
