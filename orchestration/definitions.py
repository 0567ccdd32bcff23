"""The code location: everything that Dagster shows and runs."""

from datetime import UTC, datetime

import dagster as dg

from lake.contract import load_contracts
from lake.settings import Settings, load_settings
from orchestration.dbt_manifest import prepare_manifest, read_manifest, tables_by_audience
from orchestration.defs.alerts import failure_sensor
from orchestration.defs.ingest import raw_asset
from orchestration.defs.mailing import mailed_asset, mailing_job, mailing_sensor
from orchestration.defs.models import model_assets, petition_label_assets
from orchestration.defs.outbox import outbox_asset
from orchestration.defs.publish import audits, publish_assets
from orchestration.defs.schedules import file_sensors, jobs, schedules
from orchestration.defs.warehouse import dbt_resource, freshness_checks, warehouse_asset, warehouse_writer
from orchestration.partitions import backfill_start


def build_definitions(settings: Settings) -> dg.Definitions:
    """Assets of all contracts, dbt, models, publication and outbox; what runs them and when.

    Raises ContractError, SettingsError or ProjectError.
    """
    contracts = load_contracts(settings.contracts)
    first = backfill_start(settings, datetime.now(UTC))
    manifest = prepare_manifest(settings, contracts)
    sourced = [one for one in contracts.values() if one.protocol != "derived"]
    warehouse = warehouse_asset(settings, contracts, manifest)
    defined = jobs(sourced, list(warehouse.keys))
    return dg.Definitions(
        assets=[
            *(raw_asset(one, settings, first) for one in sourced),
            warehouse,
            model_assets(settings, contracts, first),
            *petition_label_assets(settings, contracts, first),
            *publish_assets(settings, contracts, tables_by_audience(read_manifest(manifest))),
            outbox_asset(settings, contracts["directives.outbox"]),
            mailed_asset(settings),
        ],
        asset_checks=[freshness_checks(settings, contracts), *audits(settings)],
        jobs=[*defined, mailing_job()],
        schedules=schedules(settings, contracts),
        sensors=[*file_sensors(settings, contracts, defined), failure_sensor(settings), mailing_sensor(settings)],
        resources={"dbt": dbt_resource(settings), "warehouse_writer": warehouse_writer(settings)},
        # also for what is materialised by hand: a step a process costs more than the steps
        executor=dg.in_process_executor,
    )


def __getattr__(name: str) -> dg.Definitions:
    """`defs` is built when Dagster asks for it, not when the module is imported."""
    if name == "defs":
        return build_definitions(load_settings())
    raise AttributeError(name)
