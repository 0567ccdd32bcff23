from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from lake.contract import Contract, load_contracts
from lake.ledger import INDEX_SCHEMA
from lake.settings import Settings, SettingsError, load_settings
from orchestration.partitions import (
    backfill_start,
    definition,
    due_hourly,
    job_of,
    keep_start,
    pending,
    plan,
    spans,
)

NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)  # half past three in the morning of the 24th in Việt Nam
FIRST = date(2026, 11, 20)


def index(*loads: tuple[str, date, datetime, bool]) -> pl.DataFrame:
    """A ledger of these loads: dataset, day, when it was read, whether it stands."""
    rows = [
        {"load_id": f"2026{number}", "dataset": name, "day": day, "started_at": at, "standing": standing}
        for number, (name, day, at, standing) in enumerate(loads)
    ]
    return pl.DataFrame(rows, schema=INDEX_SCHEMA)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    return load_contracts(load_settings({}).contracts)


def test_without_loads_every_day_up_to_the_running_one_is_asked_for(contracts: dict[str, Contract]) -> None:
    days = pending(contracts["one_stop.dossiers"], index(), FIRST, NOW)
    assert days == [FIRST + timedelta(days=n) for n in range(5)]


def test_a_day_is_done_when_an_accepted_load_was_read_after_its_end(contracts: dict[str, Contract]) -> None:
    name = "one_stop.dossiers"
    midnight = datetime(2026, 11, 20, 17, tzinfo=UTC)  # the 20th ends in Việt Nam
    loads = index(
        (name, date(2026, 11, 20), midnight + timedelta(minutes=3), True),
        (name, date(2026, 11, 21), datetime(2026, 11, 21, 16, 59, tzinfo=UTC), True),  # a minute too early
        (name, date(2026, 11, 22), NOW, False),  # rejected or taken out
        (name, date(2026, 11, 24), NOW, True),  # still running
        ("health.case_reports", date(2026, 11, 23), NOW, True),
    )
    assert pending(contracts[name], loads, FIRST, NOW) == [date(2026, 11, day) for day in (21, 22, 23, 24)]


def test_a_day_whose_newest_load_does_not_stand_is_asked_for_though_its_predecessor_does(
    contracts: dict[str, Contract],
) -> None:
    name = "one_stop.dossiers"
    assert FIRST in pending(contracts[name], index((name, FIRST, NOW, True), (name, FIRST, NOW, False)), FIRST, NOW)
    assert FIRST not in pending(contracts[name], index((name, FIRST, NOW, False), (name, FIRST, NOW, True)), FIRST, NOW)


def test_small_gaps_are_read_over_and_wide_ones_are_not() -> None:
    days = [date(2026, 1, day) for day in (1, 2, 5, 20, 21)]
    assert spans(days) == [(date(2026, 1, 1), date(2026, 1, 5)), (date(2026, 1, 20), date(2026, 1, 21))]
    assert spans([]) == []


def test_datasets_with_the_same_days_share_a_run_and_reference_data_comes_first(
    contracts: dict[str, Contract],
) -> None:
    runs = plan([one for one in contracts.values() if one.protocol != "derived"], index(), FIRST, NOW)
    assert runs[0].datasets == ("admin.boundaries", "admin.cells", "admin.unit_changes", "admin.units")
    assert runs[0].days is None
    streams = next(run for run in runs if run.job == "ingest_hourly")
    hourly = sorted(name for name, one in contracts.items() if (one.schedule, one.partition) == ("hourly", "daily"))
    assert streams.datasets == tuple(hourly)
    assert streams.tags == {
        "dagster/asset_partition_range_start": "2026-11-20",
        "dagster/asset_partition_range_end": "2026-11-24",
    }
    files = next(run for run in runs if run.job == "ingest_monthly")
    assert files.days == (date(2026, 11, 1), date(2026, 11, 1)), "what is new in the folder, whatever its months"
    (daily,) = plan([contracts["utilities.electricity"]], index(), FIRST, NOW)
    assert daily.days == (date(2026, 11, 24), date(2026, 11, 24)), "the running day stands for what is new"


def test_asked_days_replace_those_that_are_due(contracts: dict[str, Contract]) -> None:
    asked = (date(2026, 3, 1), date(2026, 3, 9))
    (run,) = plan([contracts["one_stop.dossiers"]], index(), FIRST, NOW, asked)
    assert run.days == asked


def test_hourly_reads_what_is_hourly_new_files_and_what_was_never_loaded(contracts: dict[str, Contract]) -> None:
    loaded = index(*((name, FIRST, NOW, True) for name in contracts))
    due = {one.dataset for one in due_hourly(contracts.values(), loaded)}
    assert {"one_stop.dossiers", "health.case_reports", "health.monthly_reports", "admin.boundaries"} <= due
    rest = {"finance.budget_revenue", "population.residents", "admin.units", "health.populations"} - due
    assert rest == {"finance.budget_revenue", "population.residents", "admin.units"}, "what is read once a day or less"
    assert {one.dataset for one in due_hourly(contracts.values(), index())} == set(contracts)


def test_one_kind_of_partitions_a_job(contracts: dict[str, Contract]) -> None:
    kinds: dict[str, set[str]] = {}
    for one in contracts.values():
        if one.protocol != "derived" and (partitions := definition(one, FIRST)):
            kinds.setdefault(job_of(one), set()).add(type(partitions).__name__)
    assert all(len(found) == 1 for found in kinds.values())


def test_the_running_day_is_a_partition_and_days_are_vietnamese(contracts: dict[str, Contract]) -> None:
    partitions = definition(contracts["one_stop.dossiers"], FIRST)
    assert partitions is not None
    keys = partitions.get_partition_keys(current_time=NOW)
    assert (keys[0], keys[-1]) == ("2026-11-20", "2026-11-24")


def test_the_first_day_is_kept_once_it_was_told(settings: Settings) -> None:
    assert backfill_start(settings, NOW) == date(2024, 11, 1)
    later = load_settings({**settings.env, "KHO_BACKFILL_MONTHS": "3"})
    assert backfill_start(later, NOW) == date(2024, 11, 1), "partitions must not move"
    keep_start(settings, date(2020, 1, 1))
    assert backfill_start(settings, NOW) == date(2020, 1, 1)


def test_a_backfill_setting_that_is_no_number_is_named(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="KHO_BACKFILL_MONTHS is 'two years'"):
        backfill_start(load_settings({**settings.env, "KHO_BACKFILL_MONTHS": "two years"}), NOW)
