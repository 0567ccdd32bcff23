"""The assignment system: a draft is kept once, is decided in its own time or at once, and becomes a task."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as postgres
import httpx
import pytest

from simulator import faults, server
from tests.simulator.conftest import NOW, new_token


def start(home: Path) -> server.Running:
    return server.start(home, NOW, seed=11, months=2, communes=4, scale=0.05, frozen=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("assignments")


@pytest.fixture(scope="module")
def system(home: Path) -> Iterator[server.Running]:
    running = start(home)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def unit(system: server.Running) -> str:
    ((code, *_), *_) = rows(system, "select min(ma_don_vi) from chi_dao.nhiem_vu")
    return str(code)


@pytest.fixture
def desk(system: server.Running) -> Iterator[httpx.Client]:
    faults.set_clock(system, NOW, frozen=True)
    with closing(client_of(system)) as client:
        yield client


def client_of(running: server.Running) -> httpx.Client:
    client = httpx.Client(base_url=running.env["ASSIGNMENT_URL"], trust_env=False, timeout=30)
    client.headers["Authorization"] = f"Bearer {new_token(client, running)}"
    return client


def rows(running: server.Running, query: str) -> list[tuple[Any, ...]]:
    with postgres.connect(running.env["DIRECTIVES_DATABASE_URI"]) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def task(running: server.Running, proposal_id: str) -> list[tuple[Any, ...]]:
    columns = "trang_thai, gia_tri_muc_tieu, han_hoan_thanh::text, ban_so_lieu, ly_do_tu_choi, tien_do"
    return rows(running, f"select {columns} from chi_dao.nhiem_vu where ma_de_xuat = '{proposal_id}'")


def draft(unit: str, **changed: object) -> dict[str, object]:
    return {
        "unit_code": unit,
        "indicator_code": "one_stop_on_time_ratio",
        "title_vi": "Nâng tỷ lệ giải quyết hồ sơ đúng hạn lên 95%",
        "reason_vi": "Tỷ lệ đúng hạn ba tháng liền dưới nhóm cùng điều kiện",
        "baseline": 81.5,
        "target": 95.0,
        "due_on": "2026-12-31",
        "legal_basis": "Quyết định 766/QĐ-TTg",
        "snapshot_id": "20261123T071500000000Z-aaaaaa",
        **changed,
    }


def test_a_draft_is_kept_once(desk: httpx.Client, unit: str) -> None:
    address = "/api/v1/drafts/once"
    first = desk.put(address, json=draft(unit))
    assert (first.status_code, first.json()["state"], first.json()["task_id"]) == (201, "draft", None)
    again = desk.put(address, json=draft(unit, snapshot_id="a-later-one", reason_vi="Giải thích khác", baseline=80.0))
    assert (again.status_code, again.json()) == (200, first.json()), "explained anew, it is the same; the first stays"
    other = desk.put(address, json=draft(unit, target=99.0))
    assert (other.status_code, other.json()["error"]) == (409, "conflict")
    assert desk.get(address).json() == first.json()
    assert desk.get("/api/v1/drafts/unknown").status_code == 404


def test_generated_tasks_came_without_a_proposal(system: server.Running) -> None:
    query = "select count(*), count(ma_de_xuat) from chi_dao.nhiem_vu where ma_nhiem_vu !~ '-8[0-9]{5}$'"
    ((every, proposed),) = rows(system, query)
    assert every > 0 and proposed == 0


def test_it_refuses_strangers_and_nonsense(desk: httpx.Client, unit: str) -> None:
    address = "/api/v1/drafts/nonsense"
    assert httpx.put(f"{desk.base_url}{address}", json=draft(unit), trust_env=False).status_code == 401
    for body in (
        draft("99999"),
        draft(unit, due_on="2026-11-22"),
        draft(unit, due_on="soon"),
        draft(unit, target="nhiều"),
        draft(unit, title_vi=" "),
        {},
        [],
    ):
        assert desk.put(address, json=body).status_code == 422
    assert desk.put(address, content=b"{").status_code == 422
    assert desk.put("/api/v1/drafts/a%20b", json=draft(unit)).status_code == 400
    assert desk.get(address).status_code == 404, "nothing of it was kept"


def test_each_way_of_deciding_becomes_a_task(system: server.Running, desk: httpx.Client, unit: str) -> None:
    snapshot = draft(unit)["snapshot_id"]
    for name in ("taken", "changed", "declined"):
        assert desk.put(f"/api/v1/drafts/{name}", json=draft(unit)).status_code == 201
        assert task(system, name) == []
    faults.decide_draft(system, "taken", "assign")
    faults.decide_draft(system, "changed", "edit", target=90.0, due_on="2027-01-15")
    faults.decide_draft(system, "declined", "decline", reason="Chưa đủ căn cứ")
    assert task(system, "taken") == [("assigned", 95.0, "2026-12-31", snapshot, None, 0)]
    assert task(system, "changed") == [("assigned", 90.0, "2027-01-15", snapshot, None, 0)]
    assert task(system, "declined") == [("declined", 95.0, "2026-12-31", snapshot, "Chưa đủ căn cứ", 0)]
    told = desk.get("/api/v1/drafts/declined").json()
    assert (told["state"], told["decline_reason"]) == ("declined", "Chưa đủ căn cứ")
    faults.decide_draft(system, "taken", "done")
    assert task(system, "taken") == [("done", 95.0, "2026-12-31", snapshot, None, 100)]
    for name, what in (("declined", "done"), ("taken", "decline"), ("unknown", "assign"), ("taken", "dance")):
        with pytest.raises(RuntimeError, match="refused"):
            faults.decide_draft(system, name, what)


def test_it_decides_by_itself_within_days_and_tasks_live_on(
    system: server.Running, desk: httpx.Client, unit: str
) -> None:
    names = [f"auto-{number}" for number in range(24)]
    for name in names:
        desk.put(f"/api/v1/drafts/{name}", json=draft(unit))
    assert not any(task(system, name) for name in names)
    faults.set_clock(system, NOW + timedelta(days=8), frozen=True)
    decided = {name: task(system, name)[0] for name in names}
    assert {one[0] for one in decided.values()} >= {"declined", "assigned"}
    assert all(one[4] for one in decided.values() if one[0] == "declined")
    edited = [one for one in decided.values() if one[0] != "declined" and one[1] != 95.0]
    assert edited and all(81.5 < one[1] < 95.0 and one[2] > "2026-12-31" for one in edited)
    faults.set_clock(system, NOW + timedelta(days=100), frozen=True)
    later = {name: task(system, name)[0][0] for name in names}
    refused = {name for name, one in decided.items() if one[0] == "declined"}
    assert {name for name, state in later.items() if state == "declined"} == refused
    assert sum(state == "done" for state in later.values()) > (len(names) - len(refused)) / 2
    faults.set_clock(system, NOW, frozen=True)
    assert not any(task(system, name) for name in names), "time went back"


def test_a_restart_keeps_drafts_and_what_was_decided(home: Path, unit: str, system: server.Running) -> None:
    with closing(client_of(system)) as client:
        client.put("/api/v1/drafts/kept", json=draft(unit))
        client.put("/api/v1/drafts/kept-open", json=draft(unit))
        faults.decide_draft(system, "kept", "decline", reason="Không phù hợp")
        before = [client.get(f"/api/v1/drafts/{name}").json() for name in ("kept", "kept-open")]
    system.stop()
    again = start(home)
    try:
        assert again.env["ASSIGNMENT_URL"] == system.env["ASSIGNMENT_URL"]
        with closing(client_of(again)) as client:
            assert [client.get(f"/api/v1/drafts/{name}").json() for name in ("kept", "kept-open")] == before
            assert client.put("/api/v1/drafts/kept-open", json=draft(unit)).status_code == 200
        assert task(again, "kept")[0][0] == "declined"
    finally:
        again.stop()
