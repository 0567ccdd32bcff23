"""Loads: one object and one entry each, combined by mode, on a local directory and on a real MinIO."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lake.extracts
import lake.loads
import lake.windows
from lake.connectors import Extract, SourceFormatError, Window
from lake.contract import Contract
from lake.current import read_current
from lake.ledger import LedgerError, commit, entries, read_index, reject, sweep_orphans, write_index
from lake.loads import Verdict, ingest, write_derived
from lake.refused import still_refused
from lake.settings import TIME_ZONE, Settings, load_settings
from lake.store import AlreadyExists, list_paths, open_store, prepare_duckdb, put_once, read
from tests.conftest import Minio

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOW.astimezone(TIME_ZONE).date()
STREAM = Contract.model_validate(
    {
        "dataset": "test.events",
        "title": "Sự kiện",
        "description": "Events of a test.",
        "tier": "commune",
        "owner": "tests",
        "mode": "stream",
        "partition": "daily",
        "schedule": "hourly",
        "source": {"protocol": "made"},
        "key": ["id"],
        "updated_at": "updated_at",
        "columns": [
            {"name": "id", "type": "text", "required": True, "label": "Mã", "description": "Key"},
            {"name": "size", "type": "integer", "label": "Cỡ", "description": "Size", "range": [0, 100]},
            {"name": "updated_at", "type": "timestamp", "required": True, "label": "Lúc", "description": "Change"},
        ],
    }
)
FULL = STREAM.model_copy(update={"dataset": "test.list", "mode": "full", "partition": "none", "updated_at": None})
PERIOD = STREAM.model_copy(
    update={
        "dataset": "test.months",
        "mode": "period",
        "partition": "monthly",
        "updated_at": None,
        "period": "updated_at",
        "key": ["id", "updated_at"],
    }
)


def accept(contract: Contract, profiles: pl.DataFrame) -> list[Verdict]:
    return [Verdict(load_id, "accepted", []) for load_id in profiles["load_id"]]


def refuse(contract: Contract, profiles: pl.DataFrame) -> list[Verdict]:
    return [Verdict(load_id, "rejected", ["Thử"]) for load_id in profiles["load_id"]]


@pytest.fixture(params=["file", "minio"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    env = {"KHO_HOME": str(tmp_path)}
    if request.param == "minio":
        server: Minio = request.getfixturevalue("minio")
        env |= server.lake(re.sub(r"\W", "-", tmp_path.name))
    return load_settings(env)


Rows = list[tuple[str, int, datetime]]


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rows], None]:
    """Sets what the source holds; reading gives what was updated in the window."""
    held: Rows = []

    def read_made(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
        found = [row for row in held if window is None or window.start <= row[2] < window.end]
        rows = [{"id": key, "size": size, "updated_at": at.isoformat()} for key, size, at in found]
        yield Extract(pl.DataFrame(rows, schema={"id": pl.String(), "size": pl.Int64(), "updated_at": pl.String()}))

    monkeypatch.setitem(lake.extracts.CONNECTORS, "made", read_made)

    def hold(rows: Rows) -> None:
        held[:] = rows

    return hold


def at(days_ago: int, hour: int = 3) -> datetime:
    return datetime(2026, 11, 20, hour, tzinfo=UTC) - timedelta(days=days_ago)


def days(first: int, last: int) -> list[date]:
    return [TODAY - timedelta(days=ago) for ago in range(first, last - 1, -1)]


def test_a_range_is_read_at_once_and_written_a_day_at_a_time(
    installation: Settings, source: Callable[[Rows], None]
) -> None:
    source([("a", 1, at(3)), ("b", 2, at(3)), ("c", 300, at(1)), ("old", 9, at(9))])
    loads = ingest(STREAM, days(3, 1), installation, accept, NOW)
    assert [(one.day, one.received, one.accepted, one.quarantined) for one in loads] == [
        ("2026-11-17", 2, 2, 0),
        ("2026-11-18", 0, 0, 0),
        ("2026-11-19", 1, 0, 1),
    ]
    store = open_store(installation)
    assert loads[0].object == f"raw/test/events/province=68/day=2026-11-17/{loads[0].load_id}.parquet"
    assert loads[0].object in list_paths(store, "raw/")
    assert loads[1].object is None, "an empty window has an entry and no object"
    rows = pl.read_parquet(io.BytesIO(read(store, loads[0].object)))
    assert rows.columns == ["_load_id", "id", "size", "updated_at"]
    assert set(rows["_load_id"]) == {loads[0].load_id}
    refused = pl.read_parquet(io.BytesIO(read(store, loads[2].quarantine_object or "")))
    assert refused["reasons"].to_list() == [["range:size"]]
    (told,) = still_refused(installation, STREAM).select("record_id", "reason_text", "refused_values").iter_rows()
    assert told == ("c", "Cỡ: ngoài khoảng cho phép (0–100)", "Cỡ: 300")
    assert [one.load_id for one in entries(store, "test.events")] == [one.load_id for one in loads]


def test_a_reading_in_parts_gives_the_same_loads(
    installation: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """However many rows go through the door together, copies in other parts are known and a day is one load."""
    rows = [
        ("a", 1, at(3)),
        ("b", 300, at(3)),
        ("a", 1, at(3)),
        ("b", 2, at(3, 4)),
        ("c", 3, at(2)),
        ("c", 4, at(2, 4)),
    ]
    rows += [("c", 3, at(2)), ("d", 5, at(3, 5)), ("d", 500, at(3, 5)), ("e", 6, at(1))]

    def read_made(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
        for key, size, moment in rows:
            yield Extract(pl.DataFrame({"id": [key], "size": [size], "updated_at": [moment.isoformat()]}))

    monkeypatch.setitem(lake.extracts.CONNECTORS, "made", read_made)
    told = []
    for part in (1, 3, 1000):
        monkeypatch.setattr(lake.extracts, "PART_ROWS", part)
        monkeypatch.setattr(lake.loads, "PART_ROWS", part)
        env = {**installation.env, "KHO_HOME": str(tmp_path / str(part))}
        if installation.lake_url.startswith("s3:"):
            env["LAKE_URL"] = f"{installation.lake_url}/{part}"
        settings = load_settings(env)
        loads = ingest(STREAM, days(3, 1), settings, accept, NOW)
        current = read_current(settings, STREAM).drop("_load_id").sort("id")
        told.append(([(one.day, one.received, one.accepted, one.reason_counts) for one in loads], current.rows()))
    assert told[0] == told[1] == told[2]
    assert [(day, accepted) for day, _, accepted, _ in told[0][0]] == [
        ("2026-11-17", 3), ("2026-11-18", 2), ("2026-11-19", 1),
    ]  # fmt: skip


def test_nothing_is_overwritten(installation: Settings, source: Callable[[Rows], None]) -> None:
    source([("a", 1, at(1))])
    load = ingest(STREAM, days(1, 1), installation, accept, NOW)[0]
    store = open_store(installation)
    with pytest.raises(AlreadyExists):
        commit(store, load)
    with pytest.raises(AlreadyExists):
        put_once(store, load.object or "", b"other")
    assert read_current(installation, STREAM)["size"].to_list() == [1]


def test_an_object_without_an_entry_does_not_exist_and_is_swept(
    installation: Settings, source: Callable[[Rows], None]
) -> None:
    source([("a", 1, at(1))])

    def killed(contract: Contract, profiles: pl.DataFrame) -> list[Verdict]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(STREAM, days(1, 1), installation, killed, NOW)
    store = open_store(installation)
    assert len(list_paths(store, "raw/")) == 1
    assert read_current(installation, STREAM).is_empty()
    kept = ingest(STREAM, days(1, 1), installation, accept, NOW)[0]
    later = datetime.now(UTC) + timedelta(hours=2)
    assert sweep_orphans(store, timedelta(hours=3), later) == [], "it may be a load in progress"
    assert len(sweep_orphans(store, timedelta(hours=1), later)) == 1
    assert list_paths(store, "raw/") == [kept.object]


def test_the_greatest_standing_load_of_a_list_counts_and_taking_it_out_brings_back_the_one_before(
    installation: Settings, source: Callable[[Rows], None]
) -> None:
    store = open_store(installation)
    for size in (1, 2):
        source([("a", size, at(1))])
        newest = ingest(FULL, None, installation, accept, NOW)[0]
    source([("a", 3, at(1))])
    ingest(FULL, None, installation, refuse, NOW)
    assert read_current(installation, FULL)["size"].to_list() == [2], "a rejected load never counted"
    moment = datetime.now(UTC)
    reject(store, newest.load_id, "Sai", moment + timedelta(seconds=1))
    assert read_current(installation, FULL)["size"].to_list() == [1]
    assert read_current(installation, FULL, as_of=moment)["size"].to_list() == [2], "as it was known then"
    with pytest.raises(LedgerError, match="no load"):
        reject(store, "20200101T000000000000Z-aaaaaa", "Sai", moment)


def test_a_period_is_replaced_as_a_whole(installation: Settings, source: Callable[[Rows], None]) -> None:
    source([("a", 1, at(60)), ("b", 1, at(60)), ("a", 5, at(20))])
    ingest(PERIOD, None, installation, accept, NOW)
    source([("a", 2, at(60))])
    ingest(PERIOD, None, installation, accept, NOW)
    assert sorted(read_current(installation, PERIOD).select("id", "size").rows()) == [("a", 2), ("a", 5)]


def test_derived_rows_that_are_refused_are_our_fault(installation: Settings) -> None:
    with pytest.raises(ValueError, match="1 rows refused"):
        write_derived(FULL, pl.DataFrame({"id": ["a"], "size": [-1], "updated_at": [at(1)]}), installation, accept, NOW)
    with pytest.raises(SourceFormatError, match="size"):
        write_derived(FULL, pl.DataFrame({"id": ["a"], "updated_at": [at(1)]}), installation, accept, NOW)


def test_the_index_is_what_another_engine_needs(installation: Settings, source: Callable[[Rows], None]) -> None:
    """The statement of docs/lake-format.md, run as it stands there."""
    source([("a", 1, at(2)), ("b", 7, at(1))])
    ingest(STREAM, days(2, 1), installation, accept, NOW)
    source([("a", 4, at(1))])
    ingest(STREAM, days(1, 1), installation, accept, NOW)
    path = write_index(installation, open_store(installation), {STREAM.dataset: STREAM})
    page = (Path(__file__).parents[2] / "docs" / "lake-format.md").read_text(encoding="utf-8")
    block = re.search(r"```sql\n(.*?)```", page, re.DOTALL)
    assert block
    statements = block[1].replace("var/ledger_index.parquet", str(path)).replace("health.case_reports", "test.events")
    statements = statements.replace("case_id", "id")
    with duckdb.connect() as connection:
        prepare_duckdb(connection, installation)
        found = connection.execute(statements).pl()
    assert sorted(found.select("id", "size").rows()) == [("a", 4), ("b", 7)]
    again = read_index(installation, open_store(installation), {STREAM.dataset: STREAM})
    assert again.select("load_id", "current").equals(pl.read_parquet(path).select("load_id", "current"))


STEP = st.tuples(
    st.sampled_from(["change", "read", "read", "reject"]),
    st.sampled_from("abc"),
    st.integers(0, 5),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=1, max_size=14))
def test_any_order_of_reading_again_and_taking_out_gives_the_newest_rows_that_stand(
    steps: list[tuple[str, str, int, tuple[int, int]]],
    tmp_path_factory: pytest.TempPathFactory,
    source: Callable[[Rows], None],
) -> None:
    installation = load_settings({"KHO_HOME": str(tmp_path_factory.mktemp("steps"))})
    store = open_store(installation)
    held: dict[str, tuple[int, datetime]] = {}
    read_rows: list[tuple[str, list[tuple[str, int, datetime]]]] = []
    clock = at(3, 0)
    for what, key, number, (one, other) in steps:
        clock += timedelta(hours=5)
        if what == "change":
            held[key] = (number, clock)
        elif what == "read":
            source([(name, size, moment) for name, (size, moment) in held.items()])
            wanted = days(max(one, other), min(one, other))
            start, end = (
                lake.windows.local_midnight(wanted[0]) - lake.windows.OVERLAP,
                lake.windows.local_midnight(wanted[-1] + timedelta(days=1)),
            )
            in_window = [(n, s, m) for n, (s, m) in held.items() if start <= m < end]
            written = ingest(STREAM, wanted, installation, accept, NOW)
            by_day = {load.day: load.load_id for load in written}
            for name, size, moment in in_window:
                local = min(max(moment.astimezone(TIME_ZONE).date(), wanted[0]), wanted[-1])
                read_rows.append((by_day[local.isoformat()], [(name, size, moment)]))
        elif read_rows:
            load_id = read_rows[number % len(read_rows)][0]
            reject(store, load_id, "Thử", NOW + timedelta(seconds=len(read_rows) * 100 + number))
            read_rows = [(other_id, rows) for other_id, rows in read_rows if other_id != load_id]
    newest: dict[str, tuple[datetime, str, int]] = {}
    for load_id, rows in read_rows:
        for name, size, moment in rows:
            newest[name] = max(newest.get(name, (moment, load_id, size)), (moment, load_id, size))
    expected = sorted((name, size) for name, (_, _, size) in newest.items())
    assert sorted(read_current(installation, STREAM).select("id", "size").rows()) == expected
    index = read_index(installation, store, {STREAM.dataset: STREAM})
    assert (index["received"] == index["accepted"] + index["quarantined"]).all()
