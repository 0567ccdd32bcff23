"""What an answer costs the server, on the figures of a demo: what it opens, what it waits for, what it writes."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from superset_assets.bundle import ASSETS
from superset_assets.client import connect
from tests.e2e.access_surfaces import chart_data, world_of
from tests.e2e.served_demo import Province
from tests.e2e.visitors import sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

LEADER = "chu-tich-tinh"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.2)


def test_a_remembered_answer_opens_no_file(province: Province) -> None:
    world = world_of(province.settings, connect(province.settings, province.url), ASSETS)
    leader = sign_in(province.url, LEADER, province.password(LEADER))
    first = chart_data()(leader, world).json()["result"][0]
    file = (province.settings.published / "figures" / "current" / "leaders.duckdb").resolve()
    away = file.rename(file.with_suffix(".away"))
    try:
        again = chart_data()(leader, world)
        other = chart_data(row_limit=7)(leader, world)
    finally:
        away.rename(file)
    assert again.status_code == 200, again.text
    assert again.json()["result"][0]["data"] == first["data"]
    assert other.status_code != 200, "the file was there for those that were not remembered"


def test_the_log_of_actions_is_written_beside_the_requests_and_the_journal_is_not_written_back_by_each(
    province: Province,
) -> None:
    store = province.settings.home / "superset" / "superset.db"

    def asked() -> int:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as metadata:
            found = metadata.execute(
                """select count(*) from logs join ab_user on ab_user.id = logs.user_id
                where action = 'ChartDataRestApi.data' and username = ? and duration_ms is not null""",
                [LEADER],
            ).fetchone()
        return int(found[0])

    world = world_of(province.settings, connect(province.settings, province.url), ASSETS)
    leader = sign_in(province.url, LEADER, province.password(LEADER))
    before = asked()
    for limit in (3, 4):
        assert chart_data(row_limit=limit)(leader, world).status_code == 200
    until(lambda: asked() == before + 2)
    assert store.with_name("superset.db-wal").exists(), "the last connection was closed"
