"""What an answer costs the server, on the figures of a demo: what it opens, what it waits for, what it writes."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import requests

from lake.snapshots import FIGURES, current, switch
from superset_assets.bundle import ASSETS
from superset_assets.client import connect
from superset_assets.launch import ADMINISTRATOR, clear_cache, password_file
from tests.e2e.access_surfaces import LIMITED, chart_data, world_of
from tests.e2e.access_surfaces import question as question_of
from tests.e2e.served_demo import Province
from tests.e2e.visitors import WAIT, new_session, sign_in

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

LEADER, CHAIRMAN = "chu-tich-tinh", "chu-tich-xa"
# of a role to the figures of a chart or dataset
RIGHT = """from ab_permission_view_role where role_id = (select id from ab_role where name = '{role}')
    and permission_view_id = (select permission.id from ab_permission_view as permission
        join ab_view_menu on ab_view_menu.id = view_menu_id join {of} on {of}.perm = ab_view_menu.name
        where {of}.id = ?)"""


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
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


def store_of(province: Province) -> Path:
    """The server's own store."""
    return province.settings.home / "superset" / "superset.db"


def changed(province: Province, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run a statement on the server's store behind its back, and give its rows."""
    with closing(sqlite3.connect(store_of(province), timeout=30)) as metadata, metadata:
        return metadata.execute(statement, values).fetchall()


def questions_logged(province: Province, username: str) -> int:
    """Questions of somebody in the server's own log of actions."""
    ((found,),) = changed(
        province,
        """select count(*) from logs join ab_user on ab_user.id = logs.user_id
        where action = 'ChartDataRestApi.data' and username = ? and duration_ms is not null""",
        username,
    )
    return int(str(found))


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
    world = world_of(province.settings, connect(province.settings, province.url), ASSETS)
    leader = sign_in(province.url, LEADER, province.password(LEADER))
    before = questions_logged(province, LEADER)
    for limit in (3, 4):
        assert chart_data(row_limit=limit)(leader, world).status_code == 200
    until(lambda: questions_logged(province, LEADER) == before + 2)
    assert store_of(province).with_name("superset.db-wal").exists(), "the last connection was closed"


def test_the_charts_of_a_page_are_kept_for_a_person_until_rights_change_or_a_deployment(province: Province) -> None:
    leader = sign_in(province.url, LEADER, province.password(LEADER))

    def named(number: int) -> str:
        told = leader.get("/api/v1/dashboard/tong-quan-tinh/charts").json()["result"]
        return str(next(one["slice_name"] for one in told if one["id"] == number))

    change = partial(changed, province)

    chart, other = (one["id"] for one in leader.get("/api/v1/dashboard/tong-quan-tinh/charts").json()["result"][:2])
    name = named(chart)
    right = RIGHT.format(role="leader", of="slices")
    (lost,) = change(f"select id, permission_view_id, role_id {right}", other)
    try:
        change("update slices set slice_name = 'Tên mới' where id = ?", chart)
        assert named(chart) == name, "it is kept"
        change(f"delete {right}", other)
        assert named(chart) == "Tên mới", "other rights, another answer"
        change("insert into ab_permission_view_role (id, permission_view_id, role_id) values (?, ?, ?)", *lost)
        assert named(chart) == name
        clear_cache(province.settings)  # as a deployment does
        assert named(chart) == "Tên mới"
    finally:
        change("update slices set slice_name = ? where id = ?", name, chart)
        change(
            "insert or ignore into ab_permission_view_role (id, permission_view_id, role_id) values (?, ?, ?)", *lost
        )
        clear_cache(province.settings)


def times_kept(province: Province) -> int:
    """Answers that were sent as they had been kept, in the server's own log of actions."""
    ((found,),) = changed(province, "select count(*) from logs where json like '%\"kept\": true%'")
    return int(str(found))


def test_a_kept_answer_is_sent_until_figures_rights_rules_or_definitions_change(province: Province) -> None:
    world = world_of(province.settings, connect(province.settings, province.url), ASSETS)
    chairman = sign_in(province.url, CHAIRMAN, province.password(CHAIRMAN))
    dataset = world.datasets[LIMITED]
    question = chart_data(row_limit=13, orderby=[["unit_code", True]])

    def ask() -> requests.Response:
        return question(chairman, world)

    def rows() -> list[dict[str, str]]:
        found: list[dict[str, str]] = ask().json()["result"][0]["data"]
        return found

    change = partial(changed, province)

    def kept() -> bytes:
        """The answer, once it is sent as kept."""
        before = times_kept(province)
        for _ in range(3):  # the first one reads the rows, the second one says that they were remembered
            told = ask()
            assert told.status_code == 200, told.text
        until(lambda: times_kept(province) > before)
        return told.content

    own = kept()
    assert rows() == [{"unit_code": province.unit_code}]
    audited = questions_audited(province, CHAIRMAN)
    assert ask().content == own
    until(lambda: questions_audited(province, CHAIRMAN) == audited + 1)

    body = question_of(dataset, row_limit=13, orderby=[["unit_code", True]])
    stranger = new_session().post(f"{province.url}/api/v1/chart/data", json=body, timeout=WAIT)
    assert stranger.status_code == 401, "who has no session is told nothing that is kept"
    for _ in range(3):  # the other way to ask, of forms
        form = chairman.session.post(
            f"{province.url}/api/v1/chart/data", data={"form_data": json.dumps(body)}, timeout=WAIT
        )
        assert form.status_code == 200, form.text
        assert form.json()["result"][0]["data"] == rows()

    (rule,) = change("select clause from row_level_security_filters")
    right = RIGHT.format(role="commune", of="tables")
    (lost,) = change(f"select id, permission_view_id, role_id {right}", dataset)
    (role,) = change("select id, name from ab_role where name like ?", f"%{province.unit_code}%")
    ((text, changed_on),) = change("select sql, changed_on from tables where id = ?", dataset)
    try:
        change("update row_level_security_filters set clause = '1 = 0'")
        assert rows() == [], "another row rule"
        change("update row_level_security_filters set clause = ?", *rule)
        assert kept() == own
        change("update ab_role set name = 'nobody' where id = ?", role[0])
        assert rows() == [], "a unit's role that is another unit's"
        change("update ab_role set name = ? where id = ?", role[1], role[0])
        assert kept() == own
        change(f"delete {right}", dataset)
        assert ask().status_code == 403, "a right that was taken away"
        change("insert into ab_permission_view_role (id, permission_view_id, role_id) values (?, ?, ?)", *lost)
        assert kept() == own
        change("update tables set sql = ?, changed_on = '2999-01-01 00:00:00.000000' where id = ?",
               f"select * from ({text}) where false", dataset)  # fmt: skip
        assert rows() == [], "another definition"
    finally:
        change("update row_level_security_filters set clause = ?", *rule)
        change("update ab_role set name = ? where id = ?", role[1], role[0])
        change(
            "insert or ignore into ab_permission_view_role (id, permission_view_id, role_id) values (?, ?, ?)", *lost
        )
        change("update tables set sql = ?, changed_on = ? where id = ?", text, changed_on, dataset)
    assert kept() == own
    published = current(province.settings)
    assert published is not None
    before = times_kept(province)
    switch(province.settings, FIGURES, published)
    assert ask().content != own, "told when its rows were read: after the publication"
    time.sleep(3)
    assert times_kept(province) == before


def test_the_columns_of_a_dataset_are_kept_by_the_own_browser_alone(province: Province) -> None:
    world = world_of(province.settings, connect(province.settings, province.url), ASSETS)
    leader = sign_in(province.url, LEADER, province.password(LEADER))
    told = leader.get("/api/v1/dataset/{limited}/drill_info/".format(**world.numbers()))
    assert told.status_code == 200
    assert "private" in told.headers["Cache-Control"] and "max-age" in told.headers["Cache-Control"]
    assert "Cookie" in told.headers["Vary"], "whoever signs in at the same browser asks anew"


def test_the_columns_of_a_dataset_are_read_from_its_statement(province: Province) -> None:
    """As the editor of datasets does: it sets a limit in the statement, whose parts are remembered."""
    world = world_of(province.settings, connect(province.settings, province.url), ASSETS)
    administrator = sign_in(province.url, ADMINISTRATOR, password_file(province.settings).read_text().strip())
    for _ in range(2):
        told = administrator.get(f"/datasource/external_metadata/table/{world.datasets[LIMITED]}/")
        assert told.status_code == 200, told.text
        assert "unit_code" in {one["column_name"] for one in told.json()}
