"""The code location as Dagster loads it, from contracts and dbt's manifest."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from lake.connected import setting_names
from lake.contract import load_contracts
from lake.settings import Settings, load_settings
from orchestration.dbt_manifest import ProjectError, prepare_manifest, read_manifest, tables_by_audience
from orchestration.definitions import build_definitions
from orchestration.defs.models import petition_label_assets
from orchestration.defs.publish import fact_tables
from orchestration.installation import dbt_target
from tests.e2e.installation import CORE

PERMITS = """
dataset: construction.permits
title: Giấy phép xây dựng
description: Building permits issued by communes.
tier: sectoral
owner: construction-department
mode: stream
partition: daily
schedule: hourly
source: {protocol: rest, url: "${PERMITS_URL}", path: /permits}
key: [permit_id]
updated_at: updated_at
columns:
  - {name: permit_id, type: text, required: true, label: Số giấy phép, description: Identifier}
  - {name: updated_at, type: timestamp, required: true, label: Cập nhật lúc, description: Last change}
"""


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An installation whose contracts are ours and one more YAML file."""
    folder = tmp_path_factory.mktemp("newcomer")
    contracts = folder / "contracts"
    shutil.copytree(load_settings({}).contracts, contracts)
    (contracts / "construction").mkdir()
    (contracts / "construction" / "permits.yaml").write_text(PERMITS, encoding="utf-8")
    before = dict(os.environ)
    named = {name: "told" for one in load_contracts(contracts).values() for name in setting_names(one)}
    yield load_settings({**named, **before, "KHO_HOME": str(folder / "home"), "KHO_CONTRACTS": str(contracts)})
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def definitions(newcomer: Settings) -> dg.Definitions:
    return build_definitions(newcomer)


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_it_loads(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_a_province_that_begins_with_few_contracts_has_an_order_of_steps_too(
    newcomer: Settings, tmp_path: Path
) -> None:
    for system in CORE:
        shutil.copytree(newcomer.contracts / system, tmp_path / "contracts" / system)
    told = {**newcomer.env, "KHO_HOME": str(tmp_path / "home"), "KHO_CONTRACTS": str(tmp_path / "contracts")}
    dg.Definitions.validate_loadable(build_definitions(load_settings(told)))


def test_every_contract_is_an_asset_with_owner_partitions_and_columns(
    definitions: dg.Definitions, newcomer: Settings
) -> None:
    found = specs(definitions)
    for one in load_contracts(newcomer.contracts).values():
        spec = found[f"{one.system}/{one.name}"]
        assert spec.group_name == one.system
        assert list(spec.owners) == [f"team:{one.owner}"]
        partitioned = one.partition != "none" and one.protocol != "derived"
        assert (spec.partitions_def is not None) == partitioned
        columns = spec.metadata["dagster/column_schema"].columns
        assert [column.name for column in columns] == [column.name for column in one.kept_columns]


def test_a_newcomer_needs_one_yaml_file(definitions: dg.Definitions, newcomer: Settings) -> None:
    found = specs(definitions)
    assert found["construction/permits"].owners == ["team:construction-department"]
    staging = found["stg_construction__permits__versions"]
    assert [dep.asset_key.to_user_string() for dep in staging.deps] == ["construction/permits"]
    facts = fact_tables(load_contracts(newcomer.contracts))["facts"]
    assert "stg_construction__permits" in facts
    job = definitions.resolve_job_def("ingest_hourly")
    assert "construction__permits" in job.graph.node_dict


def test_the_way_from_source_to_dashboard_is_one_lineage(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    source, dashboard = dg.AssetKey(["one_stop", "dossiers"]), dg.AssetKey(["dashboards", "province_overview"])
    above = graph.get_ancestor_asset_keys(dashboard)
    assert {source, dg.AssetKey(["models", "forecasts"]), dg.AssetKey("mart_one_stop_month")} <= above


def test_candidates_alone_are_blocked_by_their_checks(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    blocking = {key.asset_key.to_user_string() for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    assert blocking == {"candidate_files", "candidate_facts"}


def test_proposals_go_out_after_every_publication(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    outbox = dg.AssetKey(["directives", "outbox"])
    assert dg.AssetKey("published_snapshot") in graph.get(outbox).parent_keys
    assert outbox not in graph.get_ancestor_asset_keys(dg.AssetKey("published_snapshot")), "no circle"
    for name in ("refresh_hourly", "refresh_nightly"):
        assert "outbox" in definitions.resolve_job_def(name).graph.node_dict


def test_models_belong_to_the_night(definitions: dg.Definitions) -> None:
    assert "models" in definitions.resolve_job_def("refresh_nightly").graph.node_dict
    assert "models" not in definitions.resolve_job_def("refresh_hourly").graph.node_dict


def test_what_models_tell_of_petitions_knows_the_labels_of_the_same_night(definitions: dg.Definitions) -> None:
    """The labels come first, and dbt is started once before all models and once after them."""
    job = definitions.resolve_job_def("refresh_nightly")
    assert len([name for name in job.graph.node_dict if name.startswith("warehouse")]) == 2
    priority = {
        name: int(job.graph.node_named(name).definition.tags.get("dagster/priority", 0))
        for name in ("petition_labels", "models")
    }
    assert priority["petition_labels"] > priority["models"], "the executor takes the higher one of those that are ready"


def test_petitions_are_labelled_at_night_and_without_them_nothing_is(
    definitions: dg.Definitions, newcomer: Settings
) -> None:
    assert "petition_labels" in definitions.resolve_job_def("refresh_nightly").graph.node_dict
    assert "petition_labels" not in definitions.resolve_job_def("refresh_hourly").graph.node_dict
    fewer = {name: one for name, one in load_contracts(newcomer.contracts).items() if one.system != "inspection"}
    assert petition_label_assets(newcomer, fewer, date(2026, 1, 1)) == []


def test_runs_that_write_are_marked_for_the_queue(definitions: dg.Definitions) -> None:
    for name in ("ingest_hourly", "ingest_daily", "ingest_monthly", "refresh_hourly", "refresh_nightly"):
        assert definitions.resolve_job_def(name).tags["warehouse"] == "writer"


def test_schedules_and_sensors_are_on_from_the_start(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert {one.name for one in repository.schedule_defs} == {
        "ingest_hourly_schedule", "ingest_daily_schedule", "ingest_monthly_schedule", "refresh_hourly_schedule",
        "refresh_nightly_schedule",
    }  # fmt: skip
    assert {one.default_status for one in repository.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}
    assert {one.execution_timezone for one in repository.schedule_defs} == {"Asia/Ho_Chi_Minh"}
    assert {one.default_status for one in repository.sensor_defs} == {dg.DefaultSensorStatus.RUNNING}


def test_the_hourly_schedule_asks_for_all_missing_days_in_one_range(
    definitions: dg.Definitions, newcomer: Settings
) -> None:
    schedule = definitions.get_repository_def().get_schedule_def("ingest_hourly_schedule")
    with dg.DagsterInstance.ephemeral() as instance:
        tick = dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC))
        ticked = schedule.evaluate_tick(tick)
    ranges = {
        tuple(key.to_user_string() for key in one.asset_selection or []): one.tags.get(
            "dagster/asset_partition_range_start"
        )
        for one in ticked.run_requests or []
    }
    first = (newcomer.home / "first_day").read_text()
    assert date.fromisoformat(first).day == 1
    hourly = [one for one in load_contracts(newcomer.contracts).values() if one.schedule == "hourly"]
    assert ranges == {
        ("admin/boundaries", "admin/cells", "admin/unit_changes", "admin/units"): None,
        tuple(sorted(one.dataset.replace(".", "/") for one in hourly if one.partition == "daily")): first,
    }
    assert {"construction.permits", "one_stop.dossiers"} <= {one.dataset for one in hourly}


def test_who_may_see_a_mart_is_said_in_dbt(newcomer: Settings, definitions: dg.Definitions) -> None:
    tables = tables_by_audience(read_manifest(dbt_target(newcomer) / "manifest.json"))
    assert set(tables) == {"leaders", "health", "security"}
    assert "mart_security_unit_month" in tables["security"]
    assert "mart_security_unit_month" not in {**tables["leaders"], **tables["health"]}
    assert "mart_warning" in tables["health"]
    assert "mart_warning" not in tables["leaders"]


def test_nothing_is_parsed_again_until_a_contract_changes(newcomer: Settings, definitions: dg.Definitions) -> None:
    contracts = load_contracts(newcomer.contracts)
    manifest = prepare_manifest(newcomer, contracts)
    written = manifest.stat().st_mtime_ns
    assert prepare_manifest(newcomer, contracts).stat().st_mtime_ns == written
    fewer = {name: one for name, one in contracts.items() if name != "construction.permits"}
    nodes = json.loads(prepare_manifest(newcomer, fewer).read_bytes())["nodes"]
    assert not [name for name in nodes if "permits" in name]


def test_dbt_says_itself_what_it_cannot_read(
    newcomer: Settings, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import orchestration.dbt_manifest as module

    broken = tmp_path / "dbt_project"
    shutil.copytree(module.DBT_PROJECT, broken, ignore=shutil.ignore_patterns("target", "logs"))
    (broken / "models" / "marts" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    monkeypatch.setattr(module, "DBT_PROJECT", broken)
    with pytest.raises(ProjectError, match="nowhere"):
        prepare_manifest(newcomer, load_contracts(newcomer.contracts))
