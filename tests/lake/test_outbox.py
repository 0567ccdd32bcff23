"""Proposals reach the real assignment system once, whatever fails in between, and what is decided comes back."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgres
import httpx
import polars as pl
import pytest

from lake import outbox
from lake.connectors import postgres as postgres_connector
from lake.contract import Contract
from lake.current import read_current
from lake.door import admit
from lake.loads import Verdict
from lake.outbox import Delivery, send_proposals
from lake.pseudonyms import Key
from lake.references import Units
from lake.settings import Settings
from simulator import faults, server

SOURCE_NOW = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
KILLED = """
import os, signal, sys
import polars as pl
from lake import outbox
from lake.contract import load_contracts
from lake.settings import load_settings

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

outbox.write_derived = killed
settings = load_settings()
contract = load_contracts(settings.contracts)["directives.outbox"]
from datetime import UTC, datetime
outbox.send_proposals(settings, contract, pl.read_parquet(sys.argv[1]), None, datetime.now(UTC))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("assignment-system")


@pytest.fixture(scope="module")
def system(home: Path) -> Iterator[server.Running]:
    running = server.start(home, SOURCE_NOW, seed=11, months=2, communes=4, scale=0.05, frozen=True)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def unit(system: server.Running) -> str:
    with postgres.connect(system.env["DIRECTIVES_DATABASE_URI"]) as connection, connection.cursor() as cursor:
        cursor.execute("select min(ma_don_vi) from chi_dao.nhiem_vu")
        return str((cursor.fetchone() or ("",))[0])


@pytest.fixture
def settings(system: server.Running, installation: Callable[..., Settings]) -> Iterator[Settings]:
    faults.clear(system)
    yield installation(**system.env)
    faults.clear(system)


@pytest.fixture
def contract(contracts: dict[str, Contract]) -> Contract:
    return contracts["directives.outbox"]


def accept(contract: Contract, profiles: pl.DataFrame) -> list[Verdict]:
    return [Verdict(load_id, "accepted", []) for load_id in profiles["load_id"]]


@pytest.fixture
def proposals(unit: str, request: pytest.FixtureRequest) -> pl.DataFrame:
    """Three, of the test's own names."""
    name = request.node.name.removeprefix("test_")[:60].split("[")[0]
    rows = [
        {
            "proposal_id": f"{name}-{number}",
            "unit_code": unit,
            "indicator_code": "one_stop_on_time_ratio",
            "title_vi": f"Nâng tỷ lệ giải quyết hồ sơ đúng hạn, việc {number}",
            "reason_vi": "Tỷ lệ đúng hạn thấp hơn nhóm cùng điều kiện",
            "baseline": 81.5,
            "target": 95.0,
            "due_on": datetime(2026, 12, 31).date(),
            "legal_basis": "Quyết định 766/QĐ-TTg",
            "snapshot_id": "20261123T071500000000Z-aaaaaa",
            "rank": number,
        }
        for number in range(3)
    ]
    return pl.DataFrame(rows)


def changed(proposals: pl.DataFrame, number: int, **columns: object) -> pl.DataFrame:
    """The proposals, one of them otherwise."""
    this = pl.int_range(pl.len()) == number
    return proposals.with_columns(
        pl.when(this).then(pl.lit(value)).otherwise(pl.col(name)).alias(name) for name, value in columns.items()
    )


def drafts(system: server.Running, proposals: pl.DataFrame) -> list[dict[str, object] | None]:
    """What the assignment system holds of the proposals."""
    with closing(httpx.Client(base_url=system.env["ASSIGNMENT_URL"], trust_env=False)) as client:
        grant = {"grant_type": "client_credentials", "client_id": system.env["ASSIGNMENT_CLIENT_ID"]}
        form = {**grant, "client_secret": system.env["ASSIGNMENT_CLIENT_SECRET"]}
        token = client.post("/oauth2/token", data=form).json()["access_token"]
        answers = [
            client.get(f"/api/v1/drafts/{name}", headers={"Authorization": f"Bearer {token}"})
            for name in proposals["proposal_id"]
        ]
        return [answer.json() if answer.status_code == 200 else None for answer in answers]


def asked(system: server.Running) -> int:
    """How many requests about drafts there were."""
    return int(faults.state(system)["requests"].get("drafts", 0))


def send(settings: Settings, contract: Contract, proposals: pl.DataFrame, now: datetime = SOURCE_NOW) -> Delivery:
    return send_proposals(settings, contract, proposals, accept, now)


def kept(settings: Settings, contract: Contract) -> list[tuple[str, str, int]]:
    rows = read_current(settings, contract).sort("proposal_id")
    return rows.select("proposal_id", "state", "http_status").rows()


def test_each_is_sent_once(
    settings: Settings, contract: Contract, proposals: pl.DataFrame, system: server.Running
) -> None:
    assert send(settings, contract, proposals) == Delivery(sent=3)
    assert kept(settings, contract) == [(name, "sent", 201) for name in proposals["proposal_id"]]
    held = drafts(system, proposals)
    assert [one and one["title_vi"] for one in held] == proposals["title_vi"].to_list()
    before = asked(system)
    newer = proposals.with_columns(
        snapshot_id=pl.lit("later"), reason_vi=pl.lit("Nói cách khác"), baseline=pl.lit(80.0)
    )
    assert send(settings, contract, newer, SOURCE_NOW + HOUR) == Delivery(unchanged=3)
    assert asked(system) == before, "nothing was sent"
    more = pl.concat([proposals, changed(proposals, 0, proposal_id=f"{proposals['proposal_id'][0]}-more").head(1)])
    assert send(settings, contract, more, SOURCE_NOW + HOUR) == Delivery(sent=1, unchanged=3)


def test_other_content_under_a_known_name_is_refused_and_told(
    settings: Settings, contract: Contract, proposals: pl.DataFrame, system: server.Running
) -> None:
    send(settings, contract, proposals)
    other = changed(proposals, 1, target=99.0)
    told = send(settings, contract, other, SOURCE_NOW + HOUR)
    name = proposals["proposal_id"][1]
    refusal = [f"proposal {name} was refused (409): Đề xuất này đã có dự thảo với nội dung khác"]
    assert told == Delivery(unchanged=2, refused=refusal)
    assert kept(settings, contract)[1] == (name, "refused", 409)
    assert (drafts(system, proposals)[1] or {})["target"] == 95.0, "the first stays"
    before = asked(system)
    assert send(settings, contract, other, SOURCE_NOW + 2 * HOUR).refused == refusal, "told again, not asked again"
    assert asked(system) == before
    send(settings, contract, other, SOURCE_NOW + timedelta(days=2))
    assert asked(system) == before + 1, "after a day it is tried again"
    assert send(settings, contract, proposals, SOURCE_NOW + timedelta(days=3)) == Delivery(sent=1, unchanged=2)


def test_what_the_system_cannot_take_is_refused_and_the_others_go(
    settings: Settings, contract: Contract, proposals: pl.DataFrame
) -> None:
    spoilt = changed(proposals, 0, unit_code="01234", baseline=float("nan"))
    told = send(settings, contract, spoilt)
    assert told.sent == 2 and told.problems == []
    assert "(422)" in told.refused[0] and proposals["proposal_id"][0] in told.refused[0]


@pytest.mark.parametrize("kind", ["500", "429", "401", "cut", "half_json"])
def test_faults_that_pass_are_outlasted(
    settings: Settings, contract: Contract, proposals: pl.DataFrame, system: server.Running, kind: str
) -> None:
    mine = proposals.with_columns(pl.concat_str("proposal_id", pl.lit(f"-{kind}")).alias("proposal_id"))
    with faults.fault(system, kind, times=1 if kind == "401" else 2, table="drafts", seconds=0):
        assert send(settings, contract, mine) == Delivery(sent=3)
    # cut, half_json: the draft was kept and its acknowledgement lost
    statuses = {status for _, _, status in kept(settings, contract)}
    assert statuses == ({200, 201} if kind in ("cut", "half_json") else {201})


def test_a_time_out_is_outlasted(
    settings: Settings,
    contract: Contract,
    proposals: pl.DataFrame,
    system: server.Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "TIMEOUT", httpx.Timeout(0.5))
    with faults.fault(system, "latency", times=1, table="drafts", seconds=1.5):
        assert send(settings, contract, proposals) == Delivery(sent=3)


def test_an_outage_is_told_and_made_good_by_the_next_run(
    settings: Settings, contract: Contract, proposals: pl.DataFrame, system: server.Running
) -> None:
    send(settings, contract, proposals.head(1))
    with faults.fault(system, "down", table="drafts"):
        told = send(settings, contract, proposals, SOURCE_NOW + HOUR)
    assert (told.sent, told.unchanged, told.undelivered) == (0, 1, 2)
    assert told.problems and "does not answer" in told.problems[0]
    assert [row[0] for row in kept(settings, contract)] == proposals["proposal_id"][:1].to_list()
    assert send(settings, contract, proposals, SOURCE_NOW + 2 * HOUR) == Delivery(sent=2, unchanged=1)


def test_one_that_the_system_chokes_on_does_not_stop_the_others(
    settings: Settings, contract: Contract, proposals: pl.DataFrame, system: server.Running
) -> None:
    with faults.fault(system, "500", times=5, table="drafts"):  # as often as one is tried
        told = send(settings, contract, proposals)
    assert (told.sent, told.undelivered, len(told.problems)) == (2, 1, 1)


def test_a_kill_between_acknowledgement_and_load_makes_no_second_draft(
    settings: Settings, contract: Contract, proposals: pl.DataFrame, system: server.Running, tmp_path: Path
) -> None:
    proposals.write_parquet(tmp_path / "proposals.parquet")
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "proposals.parquet")],
        env={**settings.env, "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    acknowledged = drafts(system, proposals)
    assert all(acknowledged) and kept(settings, contract) == []
    newer = proposals.with_columns(snapshot_id=pl.lit("later"), baseline=pl.lit(80.0))
    assert send(settings, contract, newer) == Delivery(sent=3)
    assert {status for _, _, status in kept(settings, contract)} == {200}, "they were there"
    assert drafts(system, proposals) == acknowledged


def test_wrong_secrets_are_told_without_them(
    system: server.Running, installation: Callable[..., Settings], contract: Contract, proposals: pl.DataFrame
) -> None:
    wrong = installation(**{**system.env, "ASSIGNMENT_CLIENT_SECRET": "guessed-secret"})
    told = send(wrong, contract, proposals)
    assert (told.sent, told.undelivered) == (0, 3)
    assert "ASSIGNMENT_CLIENT_SECRET" in told.problems[0] and "guessed-secret" not in str(told)
    missing = installation(ASSIGNMENT_URL=system.env["ASSIGNMENT_URL"])
    assert "ASSIGNMENT_CLIENT_ID is not set" in send(missing, contract, proposals).problems[0]
    elsewhere = installation(**{**system.env, "ASSIGNMENT_URL": system.env["ASSIGNMENT_URL"] + "/old"})
    assert send(elsewhere, contract, proposals).undelivered == 3
    assert kept(wrong, contract) == []


def test_it_says_when_it_is_off_or_not_connected(
    system: server.Running, installation: Callable[..., Settings], contract: Contract, proposals: pl.DataFrame
) -> None:
    assert "KHO_OUTBOX" in send(installation(**system.env, KHO_OUTBOX="off"), contract, proposals).skipped
    assert "ASSIGNMENT_URL" in send(installation(), contract, proposals).skipped
    assert drafts(system, proposals) == [None] * 3


def test_what_is_decided_comes_back_as_tasks(
    settings: Settings,
    contract: Contract,
    contracts: dict[str, Contract],
    proposals: pl.DataFrame,
    system: server.Running,
    units: Units,
    key: Key,
) -> None:
    of_province = changed(proposals, 2, unit_code="68")
    send(settings, contract, of_province)
    first, second, third = proposals["proposal_id"]
    faults.decide_draft(system, first, "decline", reason="Chưa đủ căn cứ")
    faults.decide_draft(system, second, "edit", target=90.0)
    faults.decide_draft(system, third, "assign")
    tasks = contracts["directives.tasks"]
    delivered = pl.concat(
        [extract.table for extract in postgres_connector.read(tasks, None, settings)], how="diagonal_relaxed"
    )
    admitted = admit(
        delivered.filter(pl.col("ma_de_xuat").is_in([first, second, third])), tasks, units, key, SOURCE_NOW
    )
    assert len(admitted.quarantined) == 0
    came = {row["proposal_id"]: row for row in admitted.accepted.iter_rows(named=True)}
    assert (came[first]["status"], came[first]["decline_reason"]) == ("declined", "Chưa đủ căn cứ")
    assert (came[second]["status"], came[second]["target_value"]) == ("assigned", 90.0)
    assert (came[third]["commune_code"], came[third]["target_value"]) == ("68", 95.0)
    assert {row["snapshot_id"] for row in came.values()} == {"20261123T071500000000Z-aaaaaa"}


def test_a_restart_of_the_system_keeps_what_it_acknowledged(
    system: server.Running,
    installation: Callable[..., Settings],
    contract: Contract,
    proposals: pl.DataFrame,
    home: Path,
    tmp_path: Path,
) -> None:
    send(installation(**system.env), contract, proposals)
    before = drafts(system, proposals)
    system.stop()
    again = server.start(home, SOURCE_NOW, seed=11, months=2, communes=4, scale=0.05, frozen=True)
    try:
        assert drafts(again, proposals) == before
        fresh = installation(**{**again.env, "KHO_HOME": str(tmp_path / "fresh")})
        assert send(fresh, contract, proposals) == Delivery(sent=3)
        assert {status for _, _, status in kept(fresh, contract)} == {200}
    finally:
        again.stop()
