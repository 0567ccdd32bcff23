"""Jobs, when they run by themselves, and the files that start them."""

import hashlib
import json
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as Job

from lake.connected import connected
from lake.connectors import SourceError
from lake.connectors.folders import Dropped, complete_files
from lake.contract import Contract
from lake.known_files import known_files
from lake.ledger import read_index
from lake.settings import TIME_ZONE, Settings, SettingsError
from lake.store import open_store
from lake.windows import partition_start
from orchestration.defs.ingest import VERDICT, asset_key
from orchestration.defs.publish import CANDIDATE, FIGURES, NIGHTLY, PUBLISHED
from orchestration.defs.warehouse import WRITTEN_AFTER
from orchestration.partitions import IngestRun, backfill_start, job_of, never_loaded, plan

WRITES = {"warehouse": "writer"}  # one such run at a time, see dagster.yaml
LATER = {"dagster/priority": "-1"}  # what was read first is built first
# reading comes first; the queue holds the refresh back until it is done
CRONS = {
    "ingest_hourly": "0 * * * *",
    "ingest_daily": "0 3 * * *",
    "ingest_monthly": "1 3 * * *",
    "refresh_hourly": "3 0-2,4-23 * * *",
    "refresh_nightly": "3 3 * * *",
}
READERS = ("ingest_hourly", "ingest_daily", "ingest_monthly")


def jobs(contracts: list[Contract], warehouse: list[dg.AssetKey]) -> list[Job]:
    """Reading by kind of partitions, and the refresh with and without the models; each run is one process."""

    def job(name: str, selection: dg.AssetSelection, tags: dict[str, str], about: str) -> Job:
        return dg.define_asset_job(
            name, selection, tags={**WRITES, **tags}, executor_def=dg.in_process_executor, description=about
        )

    def reading(name: str) -> dg.AssetSelection:
        # reference data has no days: a first hourly run can bring it along
        mine = [one for one in contracts if job_of(one) == name or (one.tier == "reference" and name == READERS[0])]
        return dg.AssetSelection.assets(*(asset_key(one) for one in mine)).without_checks() | _verdicts(mine)

    tables = dg.AssetSelection.assets(*warehouse)
    published = dg.AssetSelection.assets(*CANDIDATE.values(), *PUBLISHED.values(), *WRITTEN_AFTER)
    fresh = dg.AssetSelection.checks(
        *(dg.AssetCheckKey(asset_key(one), "fresh") for one in contracts if one.stale_after_hours and one.event_time)
    )
    models = dg.AssetSelection.groups("models")
    found = {job_of(one) for one in contracts}
    about = {
        "ingest_hourly": "Reads what sources change by the hour.",
        "ingest_daily": "Reads what changes by the day, and reference data.",
        "ingest_monthly": "Reads monthly reports.",
    }
    return [
        *(job(name, reading(name), {}, about[name]) for name in READERS if name in found),
        job(
            "build_as_of",
            tables.without_checks() | dg.AssetSelection.assets(CANDIDATE[FIGURES]),
            LATER,
            "Builds and audits what was known at another time (tag kho/as_of), for `kho refresh --as-of` alone.",
        ),
        # dbt's own tests only warn; what must stop a publication is audited on the candidate files every time
        job(
            "refresh_hourly",
            tables.without_checks() | published | fresh,
            LATER,
            "Builds the marts, audits the files, publishes.",
        ),
        job(
            "refresh_nightly",
            tables | published | fresh | models,
            {**LATER, NIGHTLY: "1"},
            "The same with models, facts and dbt's tests.",
        ),
    ]


def _verdicts(contracts: list[Contract]) -> dg.AssetSelection:
    return dg.AssetSelection.checks(*(dg.AssetCheckKey(asset_key(one), VERDICT) for one in contracts))


def request(run: IngestRun, contracts: dict[str, Contract], tick: datetime) -> dg.RunRequest:
    """What Dagster is asked to run, once a tick."""
    return dg.RunRequest(
        run_key=f"{tick.isoformat()} {run.days} {' '.join(run.datasets)}",
        asset_selection=[asset_key(contracts[name]) for name in run.datasets],
        tags=run.tags,
    )


def schedules(settings: Settings, contracts: dict[str, Contract]) -> list[dg.ScheduleDefinition]:
    """Hourly and nightly, on unless someone turns them off."""
    sourced = [one for one in contracts.values() if one.protocol != "derived"]
    found = {job_of(one) for one in sourced}

    def reading(job: str) -> dg.ScheduleDefinition:
        @dg.schedule(
            name=f"{job}_schedule",
            job_name=job,
            cron_schedule=CRONS[job],
            execution_timezone=str(TIME_ZONE),
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="Asks for every partition without an accepted load read after its end, and the running one",
        )
        def due(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
            now = datetime.now(UTC)
            index = read_index(settings, open_store(settings), contracts)
            mine = [one for one in sourced if job_of(one) == job and connected(one, settings)]
            if job == READERS[0]:  # a first hourly run brings along what the door needs
                mine += [one for one in never_loaded(sourced, index) if one.tier == "reference"]
            runs = plan(mine, index, backfill_start(settings, now), now)
            return [request(run, contracts, context.scheduled_execution_time) for run in runs]

        return due

    refreshes = [
        dg.ScheduleDefinition(
            name=f"{job}_schedule",
            job_name=job,
            cron_schedule=CRONS[job],
            execution_timezone=str(TIME_ZONE),
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
        for job in ("refresh_hourly", "refresh_nightly")
    ]
    return [*(reading(job) for job in READERS if job in found), *refreshes]


def file_sensors(settings: Settings, contracts: dict[str, Contract], defined: list[Job]) -> list[dg.SensorDefinition]:
    """One a dataset that comes as files: a new content is read at once and published."""
    by_name = {one.name: one for one in defined}
    return [
        _file_sensor(settings, one, [by_name[job_of(one)], by_name["refresh_hourly"]])
        for one in contracts.values()
        if one.protocol == "files"
    ]


def _file_sensor(settings: Settings, contract: Contract, targets: list[Job]) -> dg.SensorDefinition:
    job = job_of(contract)

    @dg.sensor(
        name=f"files_of_{contract.system}__{contract.name}",
        jobs=targets,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Files dropped for {contract.dataset}: a run for every new content",
    )
    def dropped(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            files = complete_files(contract, settings)
        except (SettingsError, SourceError) as error:
            return dg.SkipReason(str(error))
        seen: dict[str, str] = json.loads(context.cursor or "{}")
        hashes = {file.identity: seen.get(file.identity) or _sha256(file) for file in files}
        cursor = json.dumps(hashes)
        new = set(hashes.values()) - set(seen.values())
        fresh = sorted(new - known_files(settings, contract)) if new else []
        if not fresh:
            context.update_cursor(cursor)
            return dg.SkipReason(f"{len(files)} files, all read before")
        content = hashlib.sha256("".join(fresh).encode()).hexdigest()
        running = partition_start(contract, datetime.now(TIME_ZONE).date()).isoformat()
        read = dg.RunRequest(
            run_key=content,
            job_name=job,
            asset_selection=[asset_key(contract)],
            partition_key=None if contract.partition == "none" else running,
        )
        publish = dg.RunRequest(run_key=f"refresh-{content}", job_name="refresh_hourly")
        return dg.SensorResult(run_requests=[read, publish], cursor=cursor)

    return dropped


def _sha256(file: Dropped) -> str:
    return hashlib.sha256(file.read()).hexdigest()
