"""The code location: everything that Dagster shows and runs."""

from datetime import UTC, datetime

import dagster as dg

from lake.contract import Contract, load_contracts
from lake.settings import Settings, load_settings
from orchestration.dbt_manifest import prepare_manifest, read_manifest
from orchestration.defs.ingest import asset_key, raw_asset
from orchestration.defs.models import model_assets
from orchestration.defs.publish import ONLY_HOURLY, publish_assets
from orchestration.defs.warehouse import WarehouseWriter, dbt_resource, freshness_checks, warehouse_asset
from orchestration.partitions import backfill_start, job_of, pending

WRITES = {"warehouse": "1"}
MODELS = dg.AssetSelection.assets(
    dg.AssetKey(["models", "backtests"]), dg.AssetKey(["models", "forecasts"]), dg.AssetKey(["models", "warnings"])
)


def build_definitions(settings: Settings) -> dg.Definitions:
    """Assets of all contracts, dbt, models and publication; jobs and schedules over them."""
    contracts = load_contracts(settings.contracts)
    first = backfill_start(settings, datetime.now(UTC))
    manifest = prepare_manifest(settings, contracts)
    sourced = [one for one in contracts.values() if one.tier != "derived" or one.protocol != "derived"]
    warehouse = warehouse_asset(settings, contracts, manifest)
    published = publish_assets(settings, contracts, read_manifest(manifest))
    assets = [
        *(raw_asset(one, settings, first) for one in sourced),
        warehouse,
        model_assets(settings, contracts, first),
        *published,
    ]
    files = dg.AssetSelection.assets("candidate_files", "published_snapshot")
    built = dg.AssetSelection.assets(*warehouse.keys)
    in_process = dg.in_process_executor
    jobs = [
        dg.define_asset_job(
            job,
            dg.AssetSelection.assets(*(asset_key(one) for one in sourced if job_of(one) == job)),
            executor_def=in_process,
            tags=WRITES,
        )
        for job in sorted({job_of(one) for one in sourced})
    ]
    jobs += [
        dg.define_asset_job(
            "refresh_hourly", built | files, executor_def=in_process, tags={**WRITES, ONLY_HOURLY: "1"}
        ),
        dg.define_asset_job("refresh_nightly", built | MODELS | files, executor_def=in_process, tags=WRITES),
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=[freshness_checks(settings, contracts)],
        jobs=jobs,
        schedules=_schedules(settings, contracts, sourced),
        resources={"dbt": dbt_resource(settings), "warehouse_writer": WarehouseWriter()},
    )


def _schedules(
    settings: Settings, contracts: dict[str, Contract], sourced: list[Contract]
) -> list[dg.ScheduleDefinition]:
    """Hourly: read what is due, then publish. Nightly the same with the models."""
    zone = "Asia/Ho_Chi_Minh"

    def reading(job: str, cron: str) -> dg.ScheduleDefinition:
        mine = [one for one in sourced if job_of(one) == job]

        @dg.schedule(
            name=f"{job}_schedule",
            job_name=job,
            cron_schedule=cron,
            execution_timezone=zone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        def due(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
            """One run a partition that has no accepted load read after its end, and the running one."""
            from lake.ledger import read_index
            from lake.store import open_store

            now = context.scheduled_execution_time
            index = read_index(settings, open_store(settings), contracts)
            first = backfill_start(settings, now)
            keyed = [one for one in mine if one.partition != "none"]
            if not keyed:
                return [dg.RunRequest()]
            days = {day for one in keyed for day in pending(one, index, first, now)[-31:] if one.protocol != "files"}
            days |= {now.date().replace(day=1)} if any(one.protocol == "files" for one in keyed) else set()
            return [dg.RunRequest(partition_key=day.isoformat()) for day in sorted(days)]

        return due

    found = {job_of(one) for one in sourced}
    crons = {"ingest_hourly": "5 * * * *", "ingest_daily": "30 2 * * *", "ingest_monthly": "40 2 * * *"}
    schedules = [reading(job, cron) for job, cron in crons.items() if job in found]
    running = dg.DefaultScheduleStatus.RUNNING
    schedules += [
        dg.ScheduleDefinition(
            name=f"{job}_schedule", job_name=job, cron_schedule=cron, execution_timezone=zone, default_status=running
        )
        for job, cron in {"refresh_hourly": "20 0-2,4-23 * * *", "refresh_nightly": "0 3 * * *"}.items()
    ]
    return schedules


def __getattr__(name: str) -> dg.Definitions:
    """`defs` is built when Dagster asks for it, not when the module is imported."""
    if name == "defs":
        return build_definitions(load_settings())
    raise AttributeError(name)
