"""`kho refresh` as the 03:00 schedule's users know it: exit codes, and what stays when something is wrong."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from simulator import faults
from simulator.server import Running
from tests.e2e.installation import REPOSITORY, Installation, core_contracts

pytestmark = [pytest.mark.e2e, pytest.mark.soak]
COUNT = "select count(*) as n from mart_one_stop_month where level = 'commune'"


def test_a_source_that_is_down_leaves_a_gap_and_no_hole(installation: Installation) -> None:
    published, counted = installation.status()["snapshot"], installation.rows(COUNT)
    assert counted[0]["n"] > 0
    with faults.fault(installation.sources, "down"):
        second = installation.kho("refresh", "--hourly")
    assert second.returncode == 3, second.stderr[-3000:]
    assert "one_stop.dossiers" in second.stderr
    assert installation.status()["snapshot"] != published, "the others are published"
    assert installation.rows(COUNT) == counted, "what was read before is still told"


def test_a_bad_load_is_rejected_its_predecessor_stays_and_a_mended_source_heals(installation: Installation) -> None:
    busiest = installation.rows(
        "select day, received from mart_load where dataset = 'one_stop.dossiers' and day < current_date - 1 "
        "order by received desc, day limit 1"
    )[0]
    day = date.fromisoformat(busiest["day"])
    before = installation.dataset("one_stop.dossiers")
    month = f"select * from mart_one_stop_month where month = date '{day.replace(day=1)}' order by unit_code"
    figures = installation.rows(month)
    again = ("refresh", "--hourly", "--datasets", "one_stop.dossiers", "--from", str(day), "--to", str(day))
    faults.plant_bad_load(installation.sources, day, "invalid")
    try:
        spoiled = installation.kho(*again)
    finally:
        faults.mend(installation.sources, day)
    assert spoiled.returncode == 3, spoiled.stderr[-3000:]
    assert "one_stop.dossiers" in spoiled.stderr
    assert "Tỷ lệ bản ghi bị từ chối" in spoiled.stderr, "the reason is told"
    after = installation.dataset("one_stop.dossiers")
    assert after["received"] == before["received"], "the predecessor stays"
    assert installation.rows(month) == figures
    loads = installation.rows(
        f"select status, reasons from mart_load where dataset = 'one_stop.dossiers' and day = date '{day}' "
        "order by load_id"
    )
    assert [one["status"] for one in loads] == ["accepted", "rejected"]
    assert "bị từ chối" in loads[-1]["reasons"]

    healed = installation.kho("refresh", "--hourly")
    assert healed.returncode == 0, healed.stderr[-3000:]
    newest = installation.rows(
        f"select status from mart_load where dataset = 'one_stop.dossiers' and day = date '{day}' order by load_id"
    )
    assert newest[-1]["status"] == "accepted", "the day was asked for again by itself"


def test_a_reconciliation_fault_or_a_chart_without_its_column_stops_the_publication(
    installation: Installation, tmp_path: Path
) -> None:
    published = installation.status()["snapshot"]
    spoiled = tmp_path / "code"
    wanted = ("lake", "quality", "models_ml", "dbt_project", "superset_assets", "orchestration", "simulator")
    for folder in wanted:
        shutil.copytree(REPOSITORY / folder, spoiled / folder, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
    shutil.copy(REPOSITORY / "workspace.yaml", spoiled)
    mart = spoiled / "dbt_project" / "models" / "marts" / "one_stop" / "mart_one_stop_month.sql"
    right = "cast(received as bigint) as received"
    assert right in mart.read_text()
    mart.write_text(mart.read_text().replace(right, "cast(received + 1 as bigint) as received"))
    dataset = spoiled / "superset_assets" / "datasets" / "quality" / "repairs.yaml"
    assert "    records_vi,\n" in dataset.read_text()
    dataset.write_text(dataset.read_text().replace("    records_vi,\n", "    records_told as records_vi,\n"))
    wrong = Installation(installation.home, installation.sources, installation.months, code=spoiled)
    stopped = wrong.kho("refresh", "--hourly")
    assert stopped.returncode == 1, stopped.stderr[-3000:]
    assert "reconciliation.dossiers_received" in stopped.stderr
    assert "dashboards.columns · repairs" in stopped.stderr and "records_told" in stopped.stderr
    assert re.search(r"\d{4}-\d{2}-01", stopped.stderr), "rows are named"
    assert installation.status()["snapshot"] == published

    mended = installation.kho("refresh", "--hourly")
    assert mended.returncode == 0, mended.stderr[-3000:]
    assert installation.status()["snapshot"] != published


def test_wrong_use_is_one_line_and_exit_code_2(tmp_path: Path, small_sources: Running) -> None:
    nothing = Installation(tmp_path, small_sources).kho("sql", "select 1")
    assert nothing.returncode == 2
    assert "nothing is published yet" in nothing.stderr
    assert "Traceback" not in nothing.stderr


def test_a_newcomer_adds_a_dataset_by_copying_the_page(installation: Installation, tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "add-a-dataset.md").read_text(encoding="utf-8")
    contract = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    table = re.search(r"```csv\n(.*?)```", page, re.DOTALL)
    assert contract and table
    contracts = tmp_path / "contracts"
    shutil.copytree(core_contracts(), contracts)
    (contracts / "construction").mkdir()
    (contracts / "construction" / "permits.yaml").write_text(contract[1], encoding="utf-8")
    today = date.today().isoformat()
    rows = re.sub(r"\d{4}-\d{2}-\d{2}T\d{2}", f"{today}T00", table[1])
    extra = installation.sources.home / "extra" / "permits.csv"
    extra.write_text(rows, encoding="utf-8")
    newcomer = Installation(installation.home, installation.sources, env={"KHO_CONTRACTS": str(contracts)})
    try:
        done = newcomer.kho("refresh", "--datasets", "construction.permits", "--hourly")
    finally:
        extra.unlink()
    assert done.returncode == 0, done.stderr[-3000:]
    assert "construction.permits" in newcomer.kho("datasets").stdout
    permits = newcomer.rows("select permit_id, owner_pseudonym, day from stg_construction__permits")
    assert [(one["permit_id"], one["day"]) for one in permits] == [("GP-0001", "2026-11-18")], "not the partition's day"
    assert len(permits[0]["owner_pseudonym"]) == 64, "the citizen number was replaced"
    refused = newcomer.kho("quarantine", "construction.permits")
    assert "GP-0002" in refused.stdout and "đơn vị hành chính" in refused.stdout
    assert yaml.safe_load(contract[1])["dataset"] == "construction.permits"
