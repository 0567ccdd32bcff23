"""One refresh through Dagster: read what is due, then build, audit and publish in one run."""

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from lake.connected import connected
from lake.contract import Contract, load_contracts
from lake.current import UNIT_DATASETS
from lake.ledger import expect_key, read_index, write_index
from lake.rewrite import finish_rotation
from lake.settings import Settings, SettingsError
from lake.snapshots import current, prune
from lake.store import open_store
from orchestration.installation import PAST, prepare_home
from orchestration.partitions import Days, backfill_start, due_hourly, keep_start, never_loaded, plan
from orchestration.progress import report
from orchestration.publications import forget_rows
from orchestration.writer_lock import writer_lock

# objects made between two collections: events are many small ones that live for a whole run, and every collection
# looks at them again
GARBAGE = 10_000


@dataclass
class Outcome:
    """What a refresh came to. snapshot: the one that is published. gaps: what is missing in it, in words."""

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
    read: bool = True,
) -> Outcome:
    """Read sources (unless told not to), build, audit and publish.

    as_of: nothing is read or published; what was known then is built beside the warehouse, as a snapshot of its own.
    Raises ContractError, SettingsError, ProjectError, and Busy while another process writes.
    """
    prepare_home(settings)
    contracts = load_contracts(settings.contracts)
    if unknown := sorted(set(datasets or []) - set(contracts)):
        raise SettingsError(f"no dataset {', '.join(unknown)}; `kho datasets` lists those there are")
    now = datetime.now(UTC)
    if days and days[0] < backfill_start(settings, now):
        keep_start(settings, days[0].replace(day=1))
    expect_key(settings, open_store(settings), contracts)
    with writer_lock(settings, say=report):
        if finish_rotation(settings, contracts, report):
            forget_rows(settings)
        if as_of:
            return _build_past(settings, as_of)
        with _dagster(settings) as run:
            gaps = _read(settings, contracts, run, nightly, datasets, days, now) if read else []
            return _publish(settings, contracts, run, nightly, full, gaps)


def _build_past(settings: Settings, as_of: datetime) -> Outcome:
    """A snapshot of what was known then, from a warehouse of its own that goes when it is built."""
    from orchestration.defs.publish import AUDIT, CANDIDATE, FIGURES, SNAPSHOT
    from orchestration.defs.warehouse import AS_OF

    past = replace(settings, beside=PAST)
    prepare_home(past)
    _forget_past(past)  # what a killed one left
    report(f"building what was known at {as_of.isoformat()}")
    try:
        with _dagster(past) as run:
            result = run("build_as_of", {AS_OF: as_of.isoformat()})
    finally:
        _forget_past(past)
        prepare_home(settings)
    key = CANDIDATE[FIGURES]
    audits = [one for one in result.get_asset_check_evaluations() if one.blocking]
    stopped = [str(one.metadata["findings"].value) for one in audits if not one.passed]
    made = [event for event in result.get_asset_materialization_events() if event.asset_key == key]
    if stopped or not made or not result.success:
        told = stopped or _failures(result, skip=[f"{key.path[-1]}_{AUDIT}"])
        return Outcome(current(settings), error="\n".join(told) or "the run ended without a snapshot")
    prune(settings)
    return Outcome(str(made[0].materialization.metadata[SNAPSHOT].value))


def _forget_past(past: Settings) -> None:
    """Remove the warehouse and the index of the past; dbt's parse of the project stays, it holds no rows."""
    for file in past.warehouse.parent.iterdir():
        if file.is_file():
            file.unlink()


@contextmanager
def _dagster(settings: Settings) -> Iterator[Any]:
    """A function that runs a job of our definitions in this process."""
    report("reading definitions")
    import dagster as dg

    from orchestration.definitions import build_definitions
    from orchestration.defs.ingest import ATTENDED
    from orchestration.runs import end_orphans

    definitions = build_definitions(settings)
    gc.freeze()  # the definitions stay until the process ends: no collection need look at their million objects
    with dg.DagsterInstance.get() as instance, _collecting_after(GARBAGE):
        end_orphans(instance)

        def run(job: str, tags: dict[str, str], datasets: tuple[str, ...] = ()) -> Any:
            return definitions.resolve_job_def(job).execute_in_process(
                instance=instance,
                tags={**tags, ATTENDED: "1"},
                asset_selection=[dg.AssetKey(name.split(".")) for name in datasets] or None,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=False,
            )

        yield run


@contextmanager
def _collecting_after(objects: int) -> Iterator[None]:
    """Look for garbage after so many new objects, and afterwards as before."""
    before = gc.get_threshold()
    gc.set_threshold(objects, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _read(
    settings: Settings,
    contracts: dict[str, Contract],
    run: Any,
    nightly: bool,
    datasets: list[str] | None,
    days: Days,
    now: datetime,
) -> list[str]:
    """Read what is due; one source that is down does not stop the others. Returns what is missing, in words."""
    store = open_store(settings)
    index = read_index(settings, store, contracts)
    wanted = [one for one in contracts.values() if one.protocol != "derived"]
    if datasets:
        chosen = {one.dataset for one in wanted if one.dataset in datasets}
        if any(column.unit_reference for name in chosen for column in contracts[name].columns):
            chosen |= {one.dataset for one in never_loaded(wanted, index)} & set(UNIT_DATASETS)
        wanted = [one for one in wanted if one.dataset in chosen]
    else:
        wanted = [one for one in wanted if connected(one, settings)]
        if not nightly:
            wanted = due_hourly(wanted, index)
    gaps = []
    for one in plan(wanted, index, backfill_start(settings, now), now, days):
        span = f" {one.days[0]} – {one.days[1]}" if one.days and one.days[0] != one.days[1] else ""
        report(f"reading {', '.join(one.datasets)}{span}")
        result = run(one.job, one.tags, one.datasets)
        failed = _failures(result)
        for told in failed:
            report(f"gap: {told}")
        gaps += failed
    # written here, so that whoever asks later in this refresh need not read thousands of entries again
    return gaps + rejected(pl.read_parquet(write_index(settings, store, contracts)), now)


def _publish(
    settings: Settings,
    contracts: dict[str, Contract],
    run: Any,
    nightly: bool,
    full: bool,
    gaps: list[str],
) -> Outcome:
    from orchestration.defs.publish import AUDIT, CANDIDATE, FACTS, FIGURES, withheld
    from orchestration.defs.warehouse import FULL

    before = current(settings)
    tags = {FULL: "1"} if full else {}
    report("building the marts")
    result = run("refresh_nightly" if nightly else "refresh_hourly", tags)
    after = current(settings)
    audits = {one.asset_key: one for one in result.get_asset_check_evaluations() if one.blocking}
    stopped = {key: str(one.metadata["findings"].value) for key, one in audits.items() if not one.passed}
    failures = [] if result.success else _failures(result, skip=[f"{key.path[-1]}_{AUDIT}" for key in stopped])
    if after is None or after == before:
        told = [*([stopped[CANDIDATE[FIGURES]]] if CANDIDATE[FIGURES] in stopped else []), *failures]
        return Outcome(before, gaps, "\n".join(told) or "the run ended without publishing")
    if CANDIDATE[FACTS] in stopped:
        gaps.append(f"the facts were not published:\n{stopped[CANDIDATE[FACTS]]}")
    return Outcome(after, [*gaps, *failures, *_undone(result), *withheld(settings, contracts)])


def _undone(result: Any) -> list[str]:
    """Models that failed (the figures of the run before stay) and proposals that were not taken."""
    from orchestration.defs.models import COMPUTED
    from orchestration.defs.outbox import DELIVERED

    checks = [one for one in result.get_asset_check_evaluations() if one.check_name in (COMPUTED, DELIVERED)]
    told = {f"{'.'.join(one.asset_key.path)}: {one.metadata['problem'].value}" for one in checks if not one.passed}
    return sorted(told)


def _failures(result: Any, skip: Collection[str] = ()) -> list[str]:
    """The errors of failed steps, one each, without tracebacks."""
    steps = [event for event in result.all_events if event.is_step_failure]
    found = []
    for event in steps:
        if event.step_key not in skip:
            data = event.event_specific_data
            described = data.user_failure_data.description if data.user_failure_data else None
            error = data.error.cause or data.error
            if error.cls_name == "DagsterExecutionInterruptedError":
                described = "interrupted; what was read so far is kept"
            found.append(str(described or f"{event.step_key}: {error.message.strip()}"))
    if not steps and not result.success:  # not even a step was begun
        ends = [event for event in result.all_events if event.event_type_value == "PIPELINE_FAILURE"]
        errors = [event.event_specific_data.error for event in ends if event.event_specific_data]
        found = [error.message.strip() for error in errors if error] or ["the run failed before its first step"]
    return found


def rejected(index: pl.DataFrame, since: datetime) -> list[str]:
    """Loads read since then that do not count, where no later load of the same day took their place."""
    newest = index.filter(pl.col("load_id") == pl.col("load_id").max().over("dataset", "day"))
    fresh = newest.filter((pl.col("status") == "rejected") & (pl.col("started_at") >= since))
    return [
        f"{dataset} {day}: load {load_id} was rejected: {'; '.join(reasons)}"
        for dataset, day, load_id, reasons in fresh.select(
            "dataset", "day", "load_id", pl.col("reasons").str.json_decode(pl.List(pl.String()))
        ).iter_rows()
    ]
