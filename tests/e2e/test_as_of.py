"""What was known before a correction, what is known after it, and which load lies between."""

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulator.faults import set_clock
from simulator.server import start
from tests.e2e.installation import REPOSITORY, Installation, core_contracts

pytestmark = [pytest.mark.e2e, pytest.mark.soak]
MONTHS = 7  # enough that a planted correction lies in them whatever the day


def test_the_past_is_a_snapshot_of_its_own_and_the_load_between_is_named(tmp_path: Path) -> None:
    contracts = tmp_path / "contracts"
    shutil.copytree(core_contracts(), contracts)
    shutil.copytree(REPOSITORY / "lake" / "contracts" / "finance", contracts / "finance")
    sources = start(tmp_path / "sources", months=MONTHS, communes=6, scale=0.05)
    try:
        _correct(sources.home, Installation(tmp_path / "home", sources, MONTHS, {"KHO_CONTRACTS": str(contracts)}))
    finally:
        sources.stop()


def _correct(home: Path, installation: Installation) -> None:
    truth = json.loads((home / "truth" / "truth.json").read_text(encoding="utf-8"))["planted_correction"]
    moment = datetime.fromisoformat(truth["corrected_at"]).replace(tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
    month, unit, day = date.fromisoformat(truth["month"]), truth["commune_code"], moment.date()
    set_clock(installation.sources, moment - timedelta(hours=12), frozen=True)
    first = installation.kho(
        "refresh", "--hourly", "--datasets", "admin.units,admin.unit_changes,finance.budget_revenue"
    )
    assert first.returncode in (0, 3), first.stderr[-3000:]
    before_id, known = installation.status()["snapshot"], datetime.now(UTC)
    query = (
        "select value from mart_indicator where indicator_code = 'budget_revenue' "
        f"and unit_code = '{unit}' and period_start = date '{month}'"
    )
    old = installation.rows(query)[0]["value"]

    set_clock(installation.sources, None)
    read = ("refresh", "--hourly", "--datasets", "finance.budget_revenue", "--from", str(day), "--to", str(day))
    second = installation.kho(*read)
    assert second.returncode in (0, 3), second.stderr[-3000:]
    published = installation.status()["snapshot"]
    new = installation.rows(query)[0]["value"]
    assert new == pytest.approx(old * truth["factor"], rel=1e-4)
    index = installation.rows(
        "select load_id from mart_load where dataset = 'finance.budget_revenue' "
        f"and day = date '{day}' order by load_id"
    )
    corrected = index[-1]["load_id"]

    past = installation.kho("refresh", "--as-of", known.isoformat())
    assert past.returncode == 0, past.stderr[-3000:]
    assert installation.status()["snapshot"] == published, "readers go on with what is known today"
    assert installation.rows(query)[0]["value"] == new
    kept = json.loads(installation.kho("snapshots", "--json").stdout)
    [built] = [one["snapshot_id"] for one in kept if one["as_of"]]
    told = installation.kho("sql", "--snapshot", built, query, "--format", "json")
    assert json.loads(told.stdout) == [{"value": old}]
    refused = installation.kho("rollback", built)
    assert refused.returncode == 2 and "never the published one" in refused.stderr

    for former in (before_id, built):
        answer = installation.kho("diff", former, published, "--json")
        differing = [
            one
            for one in json.loads(answer.stdout)
            if one["indicator_code"] == "budget_revenue"
            and one["unit_code"] == unit
            and one["period_start"] == str(month)
        ]
        assert [(one["old"], one["new"]) for one in differing] == [(old, new)], answer.stderr
        assert differing[0]["causes"] == ["loads"]
        assert differing[0]["loads"] == [corrected]

    assert installation.kho("reject", corrected).returncode == 0
    without = installation.kho("refresh", "--hourly", "--datasets", "admin.units")
    assert without.returncode in (0, 3), without.stderr[-3000:]
    assert installation.rows(query)[0]["value"] == old
    answer = json.loads(installation.kho("diff", published, installation.status()["snapshot"], "--json").stdout)
    taken = [one for one in answer if one["indicator_code"] == "budget_revenue" and one["unit_code"] == unit]
    assert [(one["causes"], one["loads"]) for one in taken if one["period_start"] == str(month)] == [
        (["loads_taken_out"], [corrected])
    ]
