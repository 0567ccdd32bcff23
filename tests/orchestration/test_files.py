"""Files dropped into a folder, through Dagster: the sensor sees them, the asset reads them, months are materialised."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from lake.contract import Contract, load_contracts
from lake.loads import ingest
from lake.settings import Settings
from orchestration.defs.ingest import ATTENDED, asset_key, raw_asset
from orchestration.defs.schedules import file_sensors, jobs
from orchestration.partitions import backfill_start
from quality.load_suites import judge

NOW = datetime.now(UTC)
HEADER = "location_name,time_period,disease_cases,population,rainfall,mean_temperature\n"
GOOD = HEADER + "Lâm Đồng,2026-08,12,1500000,5.1,20.3\nLâm Đồng,2026-09,,1500000,5.1,20.3\n"
LACKING = "location_name,time_period,population,rainfall,mean_temperature\nLâm Đồng,2026-09,1500000,5.1,20.3\n"


@pytest.fixture
def contract(settings: Settings) -> Contract:
    """Monthly reports, in a lake that knows the units."""
    contracts = load_contracts(settings.contracts)
    for dataset in ("admin.units", "admin.unit_changes"):
        ingest(contracts[dataset], None, settings, judge, NOW)
    return contracts["health.monthly_reports"]


def drop(settings: Settings, name: str, text: str) -> None:
    (Path(settings.source("HEALTH_DROP_FOLDER")) / name).write_text(text, encoding="utf-8")


def read(contract: Contract, settings: Settings, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [raw_asset(contract, settings, backfill_start(settings, NOW))],
        instance=instance,
        partition_key="2026-11-01",
        tags={ATTENDED: "1"},
        raise_on_error=False,
    )


def test_the_months_of_a_file_are_materialised_and_no_other(contract: Contract, settings: Settings) -> None:
    drop(settings, "lam_dong_monthly.csv", GOOD)
    with dg.DagsterInstance.ephemeral() as instance:
        assert read(contract, settings, instance).success
        assert instance.get_materialized_partitions(asset_key(contract)) == {"2026-08-01", "2026-09-01"}
        (newest,) = instance.fetch_materializations(asset_key(contract), limit=1).records
    assert newest.asset_materialization is not None
    metadata = {name: value.value for name, value in newest.asset_materialization.metadata.items()}
    assert (metadata["received"], metadata["dagster/row_count"], metadata["quarantined"]) == (1, 1, 0)


def test_a_file_that_lacks_a_column_is_named_and_the_others_are_read(contract: Contract, settings: Settings) -> None:
    drop(settings, "good_monthly.csv", GOOD)
    drop(settings, "lacking_monthly.csv", LACKING)
    with dg.DagsterInstance.ephemeral() as instance:
        result = read(contract, settings, instance)
        assert not result.success
        (failure,) = [event for event in result.all_events if event.is_step_failure]
        told = str(failure.event_specific_data.user_failure_data.description)  # type: ignore[union-attr]
        assert "lacking_monthly.csv" in told
        assert "disease_cases" in told
        assert instance.get_materialized_partitions(asset_key(contract)) == {"2026-08-01", "2026-09-01"}
    (verdict,) = result.get_asset_check_evaluations()
    assert not verdict.passed
    assert not verdict.blocking


def test_a_new_content_is_asked_for_once(contract: Contract, settings: Settings) -> None:
    contracts = {contract.dataset: contract}
    defined = jobs([contract], [])
    (sensor,) = file_sensors(settings, contracts, defined)
    definitions = dg.Definitions(
        assets=[raw_asset(contract, settings, backfill_start(settings, NOW))], jobs=[defined[0]], sensors=[]
    )
    drop(settings, "lam_dong_monthly.csv", GOOD)
    with dg.DagsterInstance.ephemeral() as instance:

        def look(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
            context = dg.build_sensor_context(
                instance=instance, cursor=cursor, repository_def=definitions.get_repository_def()
            )
            result = sensor(context)
            assert isinstance(result, dg.SensorResult | dg.SkipReason)
            return result

        first = look(None)
        assert isinstance(first, dg.SensorResult)
        reading, publishing = first.run_requests or []
        assert (reading.job_name, publishing.job_name) == ("ingest_monthly", "refresh_hourly")
        assert isinstance(look(first.cursor), dg.SkipReason), "seen before"

        again = look(None)  # another installation of Dagster, or one that lost its cursor
        assert isinstance(again, dg.SensorResult)
        assert (again.run_requests or [])[0].run_key == reading.run_key, "the content names the run"

        assert read(contract, settings, instance).success
        assert isinstance(look(None), dg.SkipReason), "the ledger knows the content"
