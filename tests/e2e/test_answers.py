"""What an answer costs the server, on the figures of a demo: what it opens, what it waits for, what it writes."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from lake.snapshots import FIGURES, current, switch
from superset_assets.bundle import ASSETS
from superset_assets.client import connect
from superset_assets.launch import clear_cache
from tests.e2e.access_surfaces import chart_data, world_of
from tests.e2e.served_demo import Province
from tests.e2e.visitors import sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

LEADER, CHAIRMAN = "chu-tich-tinh", "chu-tich-xa"


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


def questions_logged(province: Province, username: str) -> int:
    """Questions of somebody in the server's own log of actions."""
    store = province.settings.home / "superset" / "superset.db"
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as metadata:
        found = metadata.execute(
            """select count(*) from logs join ab_user on ab_user.id = logs.user_id
            where action = 'ChartDataRestApi.data' and username = ? and duration_ms is not null""",
            [username],
        ).fetchone()
    return int(found[0])


def questions_audited(province: Province, username: str) -> int:
    """Questions of somebody in the audit log."""
    lines = "".join(path.read_text() for path in (province.settings.home / "logs" / "audit").glob("*.jsonl"))
    told = [json.loads(line) for line in lines.splitlines()]
    return sum(one["user"] == username and one["kind"] == "query" for one in told)


def test_what_was_asked_before_a_publication_is_answered_after_it_before_anybody_asks(province: Province) -> None:
    """In the name of whoever asked, so that each is told the own rows; and it is no reading of theirs."""
    world = world_of(province.settings, connect(province.settings, province.url), ASSETS)
    visitors = {name: sign_in(province.url, name, province.password(name)) for name in (LEADER, CHAIRMAN)}
    # in an order: which eleven of all rows are told would else be another eleven the next time
    ask = chart_data(row_limit=11, orderby=[["unit_code", True]])
    first = {name: ask(visitor, world).json()["result"][0]["data"] for name, visitor in visitors.items()}
    assert first[LEADER] != first[CHAIRMAN]
    time.sleep(3)  # the log of actions is written a second later
    before = {name: (questions_logged(province, name), questions_audited(province, name)) for name in visitors}
    assert all(logged and audited for logged, audited in before.values())

    published = current(province.settings)
    assert published is not None
    switch(province.settings, FIGURES, published)  # answers end with a publication, of the same figures too
    clear_cache(province.settings)
    remembered = [0]

    def settled() -> bool:
        remembered.append(len(list((province.settings.home / "superset" / "cache").iterdir())))
        return remembered[-1] > len(visitors) and set(remembered[-10:]) == {remembered[-1]}

    until(settled)
    time.sleep(3)
    after = {name: (questions_logged(province, name), questions_audited(province, name)) for name in visitors}
    assert after == before, "nobody asked"
    file = (province.settings.published / "figures" / "current" / "leaders.duckdb").resolve()
    away = file.rename(file.with_suffix(".away"))
    try:
        again = {name: ask(visitor, world) for name, visitor in visitors.items()}
    finally:
        away.rename(file)
    assert {name: answer.json()["result"][0]["data"] for name, answer in again.items()} == first


def test_the_log_of_actions_is_written_beside_the_requests_and_the_journal_is_not_written_back_by_each(
    province: Province,
) -> None:
    store = province.settings.home / "superset" / "superset.db"
    world = world_of(province.settings, connect(province.settings, province.url), ASSETS)
    leader = sign_in(province.url, LEADER, province.password(LEADER))
    before = questions_logged(province, LEADER)
    for limit in (3, 4):
        assert chart_data(row_limit=limit)(leader, world).status_code == 200
    until(lambda: questions_logged(province, LEADER) == before + 2)
    assert store.with_name("superset.db-wal").exists(), "the last connection was closed"
