"""What happened in a commune goes the whole way: figure, alert, proposal, draft, task, measured effect.

Two months of autumn 2026 are lived through: everything that runs is told another time.
"""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulator import faults
from simulator.server import Running, start
from tests.e2e.installation import REPOSITORY, Installation, core_contracts

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
WARNED = datetime(2026, 9, 6, 9, tzinfo=VIETNAM)  # after the months of the shock and of the wave
DECIDED = datetime(2026, 9, 7, 9, tzinfo=VIETNAM)
REPORTED = datetime(2026, 10, 20, 9, tzinfo=VIETNAM)
MEASURED = datetime(2026, 11, 10, 9, tzinfo=VIETNAM)
FURTHER = ("finance/budget_revenue", "inspection/petitions")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("autumn"), now=MEASURED, months=16, frozen=True)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts") / "contracts"
    shutil.copytree(core_contracts(), folder)
    for name in FURTHER:
        (folder / name).parent.mkdir()
        shutil.copy(REPOSITORY / "lake" / "contracts" / f"{name}.yaml", folder / f"{name}.yaml")
    return folder


def test_from_the_figure_to_the_effect(sources: Running, contracts: Path, tmp_path: Path) -> None:
    planted = json.loads((sources.home / "truth" / "truth.json").read_text(encoding="utf-8"))
    wave = next(one for one in planted["complaint_waves"] if one["episode"] == "2026-07")["commune_code"]
    shocked = next(one for one in planted["revenue_shocks"] if one["episode"] == "2026-07")["communes"]
    late = planted["late_commune"]["commune_code"]
    province = Installation(tmp_path / "home", sources, months=14, env={"KHO_CONTRACTS": str(contracts)})

    faults.set_clock(sources, WARNED, frozen=True)
    first = province.at(WARNED)
    done = first.kho("refresh", "--hourly")
    assert done.returncode in (0, 3), done.stderr[-3000:]
    of_wave = proposal(first, wave, "sudden_petitions_received")
    of_late = proposal(first, late, "sudden_one_stop_on_time_ratio")
    noticed = [unit for unit in shocked if open_alerts(first, unit, "sudden_budget_revenue")]
    assert len(noticed) >= 3, "the shock was noticed in most of its communes"
    of_shock = next(offered for unit in noticed if (offered := proposal(first, unit, "sudden_budget_revenue")))

    faults.set_clock(sources, DECIDED, frozen=True)
    for offered in (of_wave, of_late, of_shock):
        faults.decide_draft(sources, offered["proposal_id"], "assign")
    faults.set_clock(sources, REPORTED, frozen=True)
    faults.decide_draft(sources, of_late["proposal_id"], "done")
    faults.set_clock(sources, MEASURED, frozen=True)
    last = province.at(MEASURED)
    again = last.kho("refresh", "--nightly")
    assert again.returncode in (0, 3), again.stderr[-3000:]

    became = {}
    for offered in (of_wave, of_late, of_shock):
        task = became[offered["proposal_id"]] = task_of(last, offered)
        assert task["target"] == pytest.approx(offered["target"])
        assert task["due_on"] >= offered["due_on"], "an extension may have been given"
        assert task["before_value"] is not None and task["after_value"] is not None, task["unknown_reason"]
    for offered in (of_late, of_shock):
        task = became[offered["proposal_id"]]
        assert task["effect"] is not None, task["unknown_reason"]
        assert task["effect_low"] < task["effect"] < task["effect_high"] and task["peers"] >= 5
    of_letters = became[of_wave["proposal_id"]]
    assert of_letters["effect"] is not None or of_letters["unknown_reason"], "measured, or it is said why not"
    unmoved = became[of_late["proposal_id"]]
    assert unmoved["status"] == "done" and not unmoved["closed"]
    assert unmoved["verdict_vi"] == "báo xong nhưng chưa thấy tác động"
    assert unmoved["signs"], "it is among the signs of reports for show"
    assert became[of_shock["proposal_id"]]["verdict_vi"] == "đạt hiệu quả", "the shock is over"
    told = last.kho("chain", late).stdout
    for word in ("Số liệu", "Cảnh báo", "Đề xuất", "Nhiệm vụ", "Hiệu quả", "báo xong nhưng chưa thấy tác động"):
        assert word in told


def chains(installation: Installation, unit: str) -> list[dict[str, Any]]:
    """What `kho chain` tells of a unit, alert by alert."""
    told: list[dict[str, Any]] = json.loads(installation.kho("chain", unit, "--all", "--json").stdout)["chains"]
    return told


def open_alerts(installation: Installation, unit: str, rule: str) -> list[dict[str, Any]]:
    """The open alerts of a rule, with their proposals."""
    return [
        one
        for one in chains(installation, unit)
        if f"-{rule}-" in one["alert"]["alert_id"] and one["alert"]["state"] != "closed"
    ]


def proposal(installation: Installation, unit: str, rule: str) -> dict[str, Any]:
    """What is proposed to a unit against the alerts of a rule, with a target and a deadline; empty if none is open."""
    links = open_alerts(installation, unit, rule)
    assert links, f"no alert {rule} in {unit}"
    offered = [one for link in links for one in link["proposals"]]
    assert offered and all(one["target"] is not None and one["due_on"] for one in offered)
    return next(({**one, "unit": unit} for one in offered if one["state"] == "open"), {})


def task_of(installation: Installation, offered: dict[str, Any]) -> dict[str, Any]:
    """The directive that a proposal became."""
    (task,) = (
        one
        for link in chains(installation, offered["unit"])
        for one in link["directives"]
        if link["alert"]["alert_id"] == offered["alert_id"] and one["proposal_id"] == offered["proposal_id"]
    )
    return dict(task)
