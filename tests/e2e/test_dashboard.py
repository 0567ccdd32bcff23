"""The province's dashboard on a real Superset, seen in Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.settings import Settings, load_settings
from superset_assets.client import connect
from superset_assets.deploy import deploy
from superset_assets.launch import Running, start
from superset_assets.screenshot import screenshots
from superset_assets.verify import verify
from tests.e2e.installation import Installation

pytestmark = pytest.mark.e2e
TITLES = (
    "Tổng quan tỉnh",
    "Cảnh báo cần xem xét",
    "Tỷ lệ đúng hạn theo xã",
    "Diễn biến và dự báo số ca",
    "Số liệu này tính đến đâu",
)


@pytest.fixture(scope="module")
def served(refreshed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Running]]:
    """Superset over figures that a whole nightly refresh published."""
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(refreshed.home, home, symlinks=True)
    nightly = Installation(home, refreshed.sources).kho("refresh", "--nightly")
    assert nightly.returncode == 0, nightly.stderr[-3000:]
    settings = load_settings({**refreshed.sources.env, "KHO_HOME": str(home)})
    with start(settings, 0) as server:
        first = deploy(settings, server.url)
        assert first.passed, first.problems
        yield settings, server


def test_deploying_again_changes_nothing_and_a_change_by_hand_is_named(served: tuple[Settings, Running]) -> None:
    settings, server = served
    client = connect(settings, server.url)
    before = sorted(one["uuid"] for one in client.all_of("chart"))
    again = deploy(settings, server.url)
    assert again.passed and not again.removed
    assert sorted(one["uuid"] for one in client.all_of("chart")) == before
    assert verify(settings, server.url) == []

    chart = next(client.all_of("chart"))
    changed = client.put(f"{client.base_url}/chart/{chart['id']}", json={"slice_name": "Sửa tay"})
    assert changed.status_code == 200, changed.text
    assert any("Sửa tay" in problem for problem in verify(settings, server.url))
    assert deploy(settings, server.url).passed
    assert verify(settings, server.url) == []


def test_the_files_of_the_server_cannot_be_read_by_sql(served: tuple[Settings, Running]) -> None:
    settings, server = served
    client = connect(settings, server.url)
    database = next(client.all_of("database"))["id"]
    for hostile in ("select * from read_text('/etc/hostname')", "attach '/tmp/x.duckdb' as x", "install httpfs"):
        answer = client.post(
            f"{server.url}/api/v1/sqllab/execute/", json={"database_id": database, "sql": hostile, "schema": "main"}
        )
        assert answer.status_code != 200, hostile


def test_a_leader_sees_the_dashboard_in_vietnamese_and_nothing_leaves_the_browser(
    served: tuple[Settings, Running], tmp_path: Path
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
