"""Dagster's events, stored many at once: the same files as the library's own storage writes one by one."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import (
    AssetMaterializationPlannedData,
    AssetObservationData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.event_log import EventLog

ONE, OTHER = dg.AssetKey(["one"]), dg.AssetKey(["other"])
RUN = "3f1c2d5e-0000-4000-8000-000000000000"
UNSTABLE = ("create_timestamp", "migration_completed")  # when a row was written


def entry(event: DagsterEvent | None, second: int, message: str = "") -> EventLogEntry:
    return EventLogEntry(None, 20, message, RUN, 1_790_000_000.0 + second, "step", "job", event)


def planned(key: dg.AssetKey, partition: str) -> DagsterEvent:
    data = AssetMaterializationPlannedData(key, partition=partition)
    return DagsterEvent.build_asset_materialization_planned_event("job", "step", data)


def materialised(key: dg.AssetKey, partition: str) -> DagsterEvent:
    told = dg.AssetMaterialization(key, partition=partition, metadata={"rows": 3}, tags={"dagster/code_version": "1"})
    data = StepMaterializationData(told)
    return DagsterEvent(DagsterEventType.ASSET_MATERIALIZATION.value, "job", event_specific_data=data)


def observed(key: dg.AssetKey) -> DagsterEvent:
    data = AssetObservationData(dg.AssetObservation(key))
    return DagsterEvent(DagsterEventType.ASSET_OBSERVATION.value, "job", event_specific_data=data)


def check_planned() -> DagsterEvent:
    data = AssetCheckEvaluationPlanned(asset_key=ONE, check_name="check")
    return DagsterEvent(DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value, "job", event_specific_data=data)


def started() -> DagsterEvent:
    return DagsterEvent(DagsterEventType.RUN_START.value, "job")


EVENTS = [
    *[planned(ONE, f"2026-07-0{day}") for day in (1, 2, 3)],
    check_planned(),
    started(),
    *[materialised(ONE, f"2026-07-0{day}") for day in (1, 2, 3)],
    planned(OTHER, "2026-07-01"),
    None,
    materialised(OTHER, "2026-07-01"),
    materialised(ONE, "2026-07-02"),
    planned(ONE, "2026-07-03"),
    observed(OTHER),
]
ENTRIES = [entry(event, second, "told" if event is None else "") for second, event in enumerate(EVENTS)]


def contents(folder: Path) -> dict[str, object]:
    """All rows of all tables of the storage's files."""
    found: dict[str, object] = {}
    for file in sorted(folder.glob("*.db")):
        with sqlite3.connect(file) as connection:
            connection.row_factory = sqlite3.Row
            tables = connection.execute("select name from sqlite_master where type = 'table' order by name").fetchall()
            for (table,) in tables:
                rows = [dict(row) for row in connection.execute(f'select * from "{table}"')]
                found[f"{file.name} {table}"] = [
                    {name: value for name, value in row.items() if name not in UNSTABLE} for row in rows
                ]
    return found


def one_by_one(folder: Path, batches: Sequence[Sequence[EventLogEntry]]) -> dict[str, object]:
    storage = SqliteEventLogStorage(str(folder))
    for event in (event for batch in batches for event in batch):
        storage.store_event(event)
    storage.dispose()
    return contents(folder)


@pytest.mark.parametrize("cut", [0, 3, 7, len(ENTRIES)])
def test_a_batch_leaves_what_its_events_leave_one_by_one(tmp_path: Path, cut: int) -> None:
    batches = [ENTRIES[:cut], ENTRIES[cut:]]
    storage = EventLog(str(tmp_path / "ours"))
    storage.store_event_batch(batches[0])
    with storage.together(), storage.together():
        for event in batches[1]:
            storage.store_event(event)
    storage.dispose()
    ours = contents(tmp_path / "ours")
    assert ours == one_by_one(tmp_path / "theirs", batches)
    assert len(ours[f"{RUN}.db event_logs"]) == len(ENTRIES)  # type: ignore[arg-type]


def test_of_events_told_together_none_is_lost_when_the_work_fails(tmp_path: Path) -> None:
    storage = EventLog(str(tmp_path))
    with pytest.raises(RuntimeError), storage.together():
        storage.store_event(entry(materialised(ONE, "2026-07-01"), int(time.time())))
        raise RuntimeError
    storage.store_event(ENTRIES[0])
    storage.dispose()
    assert len(contents(tmp_path)[f"{RUN}.db event_logs"]) == 2  # type: ignore[arg-type]
