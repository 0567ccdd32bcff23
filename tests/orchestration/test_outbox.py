"""The outbox as an asset: it sends the published proposals, tells what was not taken, and fails no run."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from lake import outbox as lake_outbox
from lake import snapshots
from lake.contract import load_contracts
from lake.current import read_current
from lake.settings import Settings, load_settings
from orchestration.defs.outbox import DELIVERED, outbox_asset
from orchestration.defs.warehouse import AS_OF
from orchestration.refresh import _undone
from simulator import faults, server
from simulator.province import read_communes

SOURCE_NOW = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)
UNIT = read_communes(4)["code"][0]
PROPOSAL = f"""
create or replace table mart_directive_proposal as
select
  'p-' || n as proposal_id, 'a-' || n as alert_id, '{UNIT}' as unit_code, 'Xã' as unit_name,
  'poverty_rate' as indicator_code, 'Giảm tỷ lệ hộ nghèo' as title_vi, 'Cao hơn nhóm cùng điều kiện' as reason_vi,
  5.5 as baseline, 4.0 as target, date '2026-12-31' as due_on, 'Nghị định 07/2021/NĐ-CP' as legal_basis, n as rank,
  'open' as state
from range(1, 3) as numbers (n)
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Running]:
    home = tmp_path_factory.mktemp("assignment-system")
    running = server.start(home, SOURCE_NOW, seed=11, months=2, communes=4, scale=0.05, frozen=True)
    yield running
    running.stop()


@pytest.fixture
def settings(system: server.Running, tmp_path: Path) -> Settings:
    faults.clear(system)
    settings = load_settings({"KHO_HOME": str(tmp_path), "KHO_RETRY_SECONDS": "0.001", **system.env})
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute("create table mart_indicator as select 1 as value")
    publish(settings, ["mart_indicator"])
    return settings


def publish(settings: Settings, tables: list[str]) -> str:
    name = snapshots.new_snapshot_id(datetime.now(UTC))
    snapshots.build_candidate(settings, snapshots.FIGURES, {"leaders": {one: one for one in tables}}, name, {})
    snapshots.describe(settings, snapshots.FIGURES, name, audit="passed")
    snapshots.switch(settings, snapshots.FIGURES, name)
    return name


def publish_proposals(settings: Settings, change: str = "") -> str:
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(PROPOSAL)
        connection.execute(change)
    return publish(settings, ["mart_indicator", "mart_directive_proposal"])


def run(settings: Settings, **tags: str) -> tuple[dict[str, Any], list[str]]:
    """What the asset says of itself, and the gaps that a refresh would tell."""
    asset = outbox_asset(settings, load_contracts(settings.contracts)["directives.outbox"])
    result = dg.materialize([asset], resources={"warehouse_writer": None}, tags=tags)
    assert result.success
    (event,) = result.asset_materializations_for_node("outbox")
    (check,) = result.get_asset_check_evaluations()
    assert check.check_name == DELIVERED and not check.blocking
    return {name: value.value for name, value in event.metadata.items()}, _undone(result)


def test_the_published_proposals_are_sent_once(settings: Settings) -> None:
    about, gaps = run(settings)
    assert "mart_directive_proposal" in about["skipped"] and gaps == [], "nothing to send, and it says so"
    first = publish_proposals(settings)
    about, gaps = run(settings)
    assert (about["sent"], about["skipped"], gaps) == (2, "no", [])
    publish_proposals(settings)
    about, gaps = run(settings)
    assert (about["sent"], about["unchanged"], gaps) == (0, 2, [])
    kept = read_current(settings, load_contracts(settings.contracts)["directives.outbox"])
    assert set(kept["snapshot_id"]) == {first}


def test_what_fails_is_a_gap_and_no_failure(settings: Settings, system: server.Running) -> None:
    publish_proposals(settings, "update mart_directive_proposal set proposal_id = 'out-' || rank")
    with faults.fault(system, "down", table="drafts"):
        _, gaps = run(settings)
    (gap,) = gaps
    assert gap.startswith("directives.outbox: 2 proposals were not delivered") and "does not answer" in gap
    assert run(settings)[1] == []
    publish_proposals(settings, "update mart_directive_proposal set proposal_id = 'out-' || rank, target = rank")
    (gap,) = run(settings)[1]
    assert "out-1 was refused (409)" in gap and "out-2 was refused (409)" in gap


def test_a_fault_of_ours_is_a_gap_too(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_proposals(settings, "alter table mart_directive_proposal drop column legal_basis")
    (gap,) = run(settings)[1]
    assert "legal_basis" in gap
    monkeypatch.setattr(lake_outbox, "MART", "no_such_mart")
    assert run(settings)[1] == []


def test_the_past_and_what_is_switched_off_is_not_sent(settings: Settings, system: server.Running) -> None:
    publish_proposals(settings, "update mart_directive_proposal set proposal_id = 'past-' || rank")
    asked = faults.state(system)["requests"].get("drafts", 0)
    about, gaps = run(settings, **{AS_OF: "2026-11-01T00:00:00+00:00"})
    assert "2026-11-01" in about["skipped"] and gaps == []
    off = load_settings({**settings.env, "KHO_OUTBOX": "off"})
    about, gaps = run(off)
    assert "KHO_OUTBOX" in about["skipped"] and gaps == []
    assert faults.state(system)["requests"].get("drafts", 0) == asked
