"""Publishing: the pointer switches at once, survives a kill anywhere, and readers reach nothing else."""

import random
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from lake import snapshots
from lake.settings import Settings, load_settings
from lake.snapshots import FACTS, FIGURES, SnapshotError

TABLES = {"leaders": {"mart_a": "mart_a"}, "health": {"mart_b": "mart_b"}}
PUBLISHER = """
import itertools, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.lake.test_snapshots import publish
from lake import snapshots
from lake.settings import load_settings
settings = load_settings({"KHO_HOME": sys.argv[1]})
print("ready", flush=True)
for number in itertools.count():
    publish(settings, number)
    snapshots.prune(settings, keep=2)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load_settings({"KHO_HOME": str(tmp_path / "it's home")})
    found.home.mkdir()
    fill(found, 0)
    return found


def fill(settings: Settings, number: int) -> None:
    with duckdb.connect(settings.warehouse) as connection:
        for name in ("mart_a", "mart_b"):
            connection.execute(f"create or replace table {name} as select {number} as number from range(20000)")


def publish(settings: Settings, number: int, product: str = FIGURES) -> str:
    """Build, pass and publish a snapshot whose every row says `number`."""
    fill(settings, number)
    name = snapshots.new_snapshot_id(datetime.now(UTC))
    snapshots.build_candidate(settings, product, TABLES, name, {"code_version": str(number)})
    snapshots.describe(settings, product, name, audit="passed")
    snapshots.switch(settings, product, name)
    return name


def test_publish_list_roll_back(settings: Settings) -> None:
    with pytest.raises(SnapshotError, match="nothing is published"):
        snapshots.open_published(settings)
    first, second = publish(settings, 1), publish(settings, 2)
    assert [(one["snapshot_id"], one["current"]) for one in snapshots.list_snapshots(settings)] == [
        (second, True),
        (first, False),
    ]
    with snapshots.open_published(settings) as connection:
        assert connection.execute("select distinct number from mart_b").fetchall() == [(2,)]
    with snapshots.open_published(settings, first) as connection:
        assert connection.execute("select distinct number from mart_b").fetchall() == [(1,)]
    assert snapshots.rollback(settings, first) == second
    assert snapshots.current(settings) == first
    with pytest.raises(SnapshotError, match="no published snapshot"):
        snapshots.rollback(settings, "20200101T000000000000Z-aaaaaa")
    with pytest.raises(SnapshotError, match="no snapshot"):
        snapshots.open_published(settings, "../../secrets")


def test_only_what_passed_the_audit_is_published(settings: Settings) -> None:
    first = publish(settings, 1)
    name = snapshots.new_snapshot_id(datetime.now(UTC))
    snapshots.build_candidate(settings, FIGURES, TABLES, name, {})
    with pytest.raises(SnapshotError, match="did not pass"):
        snapshots.switch(settings, FIGURES, name)
    with pytest.raises(SnapshotError, match="no published snapshot"):
        snapshots.rollback(settings, name)
    assert snapshots.current(settings) == first
    assert [one["snapshot_id"] for one in snapshots.list_snapshots(settings)] == [first]


def test_a_table_that_was_not_built_is_named(settings: Settings) -> None:
    with pytest.raises(SnapshotError, match="lacks mart_new"):
        snapshots.build_candidate(settings, FIGURES, {"leaders": {"mart_new": "mart_new"}}, "x", {})


def test_prune_keeps_newest_month_ends_cited_and_current(settings: Settings) -> None:
    days = [datetime(2026, month, day, 12, tzinfo=UTC) for month in (1, 2, 3) for day in (5, 20, 28)]
    names = []
    for day in days:
        names.append(snapshots.new_snapshot_id(day))
        snapshots.build_candidate(settings, FIGURES, TABLES, names[-1], {})
        snapshots.describe(settings, FIGURES, names[-1], audit="passed")
    snapshots.describe(settings, FIGURES, names[1], cited=True)
    snapshots.switch(settings, FIGURES, names[3])
    refused = snapshots.new_snapshot_id(datetime(2026, 2, 25, tzinfo=UTC))
    snapshots.build_candidate(settings, FIGURES, TABLES, refused, {})
    gone = snapshots.prune(settings, keep=2)
    kept = {names[1], names[2], names[3], names[5], names[7], names[8]}
    assert set(gone) == {*names, refused} - kept
    assert {path.name for path in (settings.published / FIGURES).iterdir()} == {*kept, "current"}


def test_facts_have_a_pointer_of_their_own(settings: Settings) -> None:
    publish(settings, 1)
    fill(settings, 7)
    name = snapshots.new_snapshot_id(datetime.now(UTC))
    facts = {"facts": {"stg_health__case_reports": "mart_a", "mart_a": "mart_a"}}
    snapshots.build_candidate(settings, FACTS, facts, name, {})
    snapshots.describe(settings, FACTS, name, audit="passed")
    snapshots.switch(settings, FACTS, name)
    publish(settings, 2)
    with snapshots.open_published(settings) as connection:
        assert connection.execute("select distinct number from stg_health__case_reports").fetchall() == [(7,)]
        assert connection.execute("select distinct number from mart_a").fetchall() == [(2,)]


def test_killed_at_any_moment_the_old_or_the_new_snapshot_is_whole(settings: Settings) -> None:
    root = str(Path(__file__).parents[2])
    last, moments = "", random.Random(7)
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(settings.home), root], stdout=subprocess.PIPE, cwd=root
        )
        assert child.stdout and child.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(moments.uniform(0.0, 0.25))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        name = snapshots.current(settings)
        assert (name or "") >= last, "a later snapshot never gives way to an earlier one"
        last = name or ""
        if name is None:
            continue
        assert name in [one["snapshot_id"] for one in snapshots.list_snapshots(settings)]
        for one in snapshots.list_snapshots(settings):
            with snapshots.open_published(settings, one["snapshot_id"]) as connection:
                counted = "select count(*), min(number), max(number) from (from leaders.mart_a union all from mart_b)"
                rows, low, high = connection.execute(counted).fetchone() or (0, 0, 1)
                assert (rows, low) == (40000, high)
    name = publish(settings, 99)
    snapshots.prune(settings, keep=1)
    assert {path.name for path in (settings.published / FIGURES).iterdir()} == {name, "current"}


def test_200_queries_during_5_publishes_each_from_one_snapshot(settings: Settings) -> None:
    publish(settings, 0)
    readers, queries = 4, 50
    gates = [threading.Semaphore(0) for _ in range(5)]
    errors: list[BaseException] = []
    seen: list[tuple[int, ...]] = []

    def read() -> None:
        try:
            for number in range(queries):
                with snapshots.open_published(settings) as connection:
                    row = connection.execute(
                        """select min(a.number), max(b.number), min(l.code_version::int), max(h.code_version::int),
                          count(distinct l.snapshot_id) + count(distinct h.snapshot_id)
                        from leaders.mart_a as a, (select max(number) as number from health.mart_b) as b,
                          leaders.snapshot_info as l, health.snapshot_info as h"""
                    ).fetchone()
                    seen.append(row or ())
                if number % (queries // 5) == 0:
                    gates[number // (queries // 5)].release()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for number, gate in enumerate(gates, start=1):
        gate.acquire(timeout=600)  # publish while readers are in their next tenth
        publish(settings, number)
        snapshots.prune(settings, keep=14)
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(seen) == readers * queries
    assert all(low == high == told == also and names == 2 for low, high, told, also, names in seen)
    assert len({row[0] for row in seen}) > 1, "the readers saw snapshots change"


HOSTILE = [
    "select * from read_text('/etc/hostname')",
    "select * from read_csv('/etc/passwd')",
    "select * from '{home}/ledger.parquet'",
    "select * from glob('{home}/*')",
    "attach '{home}/warehouse.duckdb' as w",
    "attach '{home}/new.duckdb' as n",
    "copy (select 1) to '{home}/out.csv'",
    "copy mart_a to '{home}/out.parquet'",
    "export database '{home}/dump'",
    "import database '{home}/dump'",
    "install httpfs",
    "load httpfs",
    "load '{home}/evil.duckdb_extension'",
    "set enable_external_access = true",
    "reset enable_external_access",
    "set lock_configuration = false",
    "set python_enable_replacements = true",
    "set temp_directory = '{home}/tmp'",
    "set allowed_directories = ['{home}']",
    "pragma enable_profiling = 'json'; pragma profiling_output = '{home}/profile.json'",
    "create secret s (type s3)",
    "select * from read_parquet('https://127.0.0.1:9/x.parquet')",
    "select * from settings",  # a variable of the caller
    "insert into leaders.mart_a values (1)",
    "drop table leaders.mart_a",
    "update leaders.main.mart_a set number = 3",
    "create table leaders.main.x as select 1",
    "checkpoint leaders; vacuum leaders.mart_a; alter table leaders.mart_a add column x int",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_reader_reaches_nothing_else(published: Settings, statement: str) -> None:
    with snapshots.open_published(published) as connection:
        before = sorted(path.name for path in published.home.rglob("*"))
        settings = duckdb.sql("select 1 as one").arrow()
        assert settings is not None
        with pytest.raises(duckdb.Error):
            connection.execute(statement.format(home=str(published.home).replace("'", "''"))).fetchall()
        assert sorted(path.name for path in published.home.rglob("*")) == before
        assert connection.execute("select count(*) from mart_a").fetchone() == (20000,)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = load_settings({"KHO_HOME": str(tmp_path_factory.mktemp("home"))})
    publish(settings, 1)
    return settings


def test_every_file_tells_its_own_audit_and_those_before(settings: Settings) -> None:
    told = []
    for number, failed in enumerate((["schema.tables"], [], [])):
        fill(settings, number)
        told.append(snapshots.new_snapshot_id(datetime.now(UTC)))
        snapshots.build_candidate(settings, FIGURES, TABLES, told[-1], {})
        findings = ["schema.tables · mart_a: số 3 của xã"] if failed else []
        snapshots.record_audit(settings, FIGURES, told[-1], 40 + number, failed, findings)
        if failed:
            with pytest.raises(SnapshotError, match="did not pass"):
                snapshots.switch(settings, FIGURES, told[-1])
        else:
            snapshots.switch(settings, FIGURES, told[-1])
    with snapshots.open_published(settings) as connection:
        audits = connection.execute("select * exclude (audited_at) from snapshot_audit order by audited_at").fetchall()
    assert audits == [
        (told[0], False, 40, "schema.tables"),
        (told[1], True, 41, ""),
        (told[2], True, 42, ""),
    ], "what a check found is for operators"
