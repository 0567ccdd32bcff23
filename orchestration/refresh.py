"""One refresh through Dagster: read what is due, then build, audit and publish in one run."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lake.contract import load_contracts
from lake.ledger import read_index
from lake.settings import Settings
from lake.snapshots import current
from lake.store import open_store
from orchestration.installation import prepare_home
from orchestration.partitions import Days, backfill_start, plan
from orchestration.progress import report


@dataclass
class Outcome:
    """What a refresh came to. gaps: what is missing in what was published, in words."""

    snapshot: str | None
    gaps: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def exit_code(self) -> int:
        """0 done, 1 nothing published, 3 published with gaps."""
        return 1 if self.error else 3 if self.gaps else 0


def refresh(
    settings: Settings,
    nightly: bool,
    datasets: list[str] | None = None,
    days: Days = None,
    as_of: datetime | None = None,
    full: bool = False,
) -> Outcome:
    """Read sources (unless as_of asks for the past), build, audit and publish. Raises ContractError, SettingsError."""
    prepare_home(settings)
    import dagster as dg

    from orchestration.definitions import build_definitions
    from orchestration.defs.ingest import ATTENDED
    from orchestration.defs.warehouse import AS_OF, FULL

    os.environ.setdefault("DAGSTER_CLI_LOG_LEVEL", "ERROR")
    contracts = load_contracts(settings.contracts)
    definitions = build_definitions(settings)
    now = datetime.now(UTC)
    gaps: list[str] = []
    with dg.DagsterInstance.get() as instance:

        def run(job: str, tags: dict[str, str], keys: list[str] | None = None) -> Any:
            selected = [dg.AssetKey(key.split(".")) for key in keys] if keys else None
            return definitions.get_job_def(job).execute_in_process(
                instance=instance, tags=tags, asset_selection=selected, raise_on_error=False
            )

        if as_of is None:
            wanted = [one for one in contracts.values() if one.protocol != "derived"]
            wanted = [one for one in wanted if not datasets or one.dataset in datasets]
            index = read_index(settings, open_store(settings), contracts)
            for one in plan(wanted, index, backfill_start(settings, now), now, days):
                report(f"reading {', '.join(one.datasets)}")
                result = run(one.job, {**one.tags, ATTENDED: "1"}, list(one.datasets))
                gaps += [_failure(event) for event in result.all_node_events if event.is_step_failure]
            index = read_index(settings, open_store(settings), contracts)
            gaps += _rejected(index, now)
        before = current(settings)
        tags = {AS_OF: as_of.isoformat()} if as_of else {}
        if full:
            tags[FULL] = "1"
        report("building the marts")
        result = run("refresh_nightly" if nightly else "refresh_hourly", tags)
        if not result.success or current(settings) == before:
            failures = [_failure(event) for event in result.all_node_events if event.is_step_failure]
            return Outcome(before, gaps, "\n".join(failures + _findings(result)) or "the run ended without publishing")
    return Outcome(current(settings), gaps)


def _failure(event: Any) -> str:
    data = event.event_specific_data
    user = getattr(data, "user_failure_data", None)
    if user and user.description:
        return str(user.description)
    error = data.error.cause or data.error
    return f"{event.step_key}: {error.message.strip()}"


def _findings(result: Any) -> list[str]:
    """What the audit found, with check, table and rows."""
    evaluations = result.get_asset_check_evaluations()
    return [
        str(one.metadata["findings"].value)
        for one in evaluations
        if not one.passed and one.blocking and "findings" in one.metadata
    ]


def _rejected(index: Any, now: datetime) -> list[str]:
    """Loads that this refresh read and that do not count, where no later one took their place."""
    import polars as pl

    newest = index.filter(pl.col("load_id") == pl.col("load_id").max().over("dataset", "day"))
    fresh = newest.filter((pl.col("status") == "rejected") & (pl.col("started_at") >= now))
    return [
        f"{dataset} {day}: load {load_id} rejected: {reasons}"
        for dataset, day, load_id, reasons in fresh.select("dataset", "day", "load_id", "reasons").iter_rows()
    ]
