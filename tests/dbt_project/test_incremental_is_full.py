"""Thirty refreshes with late corrections, superseded and rejected loads and deletions give what one rebuild gives."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from lake.contract import Contract, load_contracts
from lake.ledger import Entry, commit, new_load_ids, reject, write_index
from lake.settings import Settings, load_settings
from lake.store import open_store, put_once
from orchestration.dbt_manifest import prepare_manifest
from orchestration.installation import dbt_project, dbt_target, environment

REFRESHES = 30
COMPARED = (9, 19)  # besides the last one
START = datetime(2026, 7, 1, 5, tzinfo=UTC)
AS_OF = START + timedelta(days=REFRESHES + 2)
COMMUNES = ["24829", "24830", "24831"]

pytestmark = [pytest.mark.e2e, pytest.mark.soak]


class Sources:
    """What upstream systems might send in the course of thirty days, and the loads that come of it."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.store = open_store(settings)
        self.contracts = load_contracts(settings.contracts)
        self.sent: dict[str, pl.DataFrame] = {}  # the last version of every key, by dataset
        self.now = START
        self.loads: list[str] = []
        self.taken_out: set[str] = set()

    def pick(self, values: list[str], count: int) -> list[str]:
        return [values[index] for index in self.rng.integers(0, len(values), count)]

    def times(self, count: int) -> list[datetime]:
        return [self.now - timedelta(minutes=int(minutes)) for minutes in self.rng.integers(0, 3000, count)]

    def new_rows(self, dataset: str, count: int) -> pl.DataFrame:
        """Rows of keys never seen before."""
        number = len(self.sent.get(dataset, []))
        keys = [f"{dataset}-{number + n}" for n in range(count)]
        began = self.times(count)
        shared = {"commune_code": self.pick(COMMUNES, count), "updated_at": self.times(count)}
        due = [moment + timedelta(days=3) for moment in began]
        if dataset == "one_stop.dossiers":
            return pl.DataFrame(
                {"dossier_id": keys, "procedure_code": self.pick(["1", "2"], count), "applicant_pseudonym": keys,
                 "channel": self.pick(["online", "counter"], count), "received_at": began, "due_at": due,
                 "status": self.pick(["received", "processing", "finished"], count), **shared}
            )  # fmt: skip
        if dataset == "inspection.petitions":
            return pl.DataFrame(
                {"petition_id": keys, "petition_kind": self.pick(["complaint", "feedback"], count),
                 "sender_pseudonym": self.pick(["a", "b", "c"], count), "received_at": began,
                 "due_on": [moment.date() for moment in due], "status": ["received"] * count, **shared}
            )  # fmt: skip
        return pl.DataFrame(
            {"task_id": keys, "document_number": keys, "content": keys,
             "indicator_code": self.pick(["one_stop_on_time_ratio", "poverty_rate"], count),
             "target_value": self.rng.uniform(80, 99, count), "assigned_on": [moment.date() for moment in began],
             "due_on": [moment.date() for moment in due], "progress_pct": self.rng.integers(0, 100, count),
             "status": self.pick(["assigned", "in_progress", "done"], count), "extensions": [0] * count, **shared}
        )  # fmt: skip

    def changed_rows(self, dataset: str, count: int) -> pl.DataFrame:
        """Later versions of known keys, earlier ones that come late, and rows read again as they were."""
        known = self.sent[dataset].sample(min(count, len(self.sent[dataset])), seed=int(self.rng.integers(1 << 30)))
        moved = [timedelta(minutes=int(minutes)) for minutes in self.rng.integers(-600, 900, len(known))]
        same = self.rng.random(len(known)) < 0.3
        status = {"one_stop.dossiers": ["finished", "returned"], "inspection.petitions": ["resolved", "assigned"]}
        told = self.pick(status.get(dataset, ["done", "overdue"]), len(known))
        return known.with_columns(
            pl.when(pl.Series(same)).then("status").otherwise(pl.Series(told)).alias("status"),
            pl.when(pl.Series(same))
            .then("updated_at")
            .otherwise(pl.col("updated_at") + pl.Series(moved))
            .alias("updated_at"),
        )

    def load(self, dataset: str, rows: pl.DataFrame, day: date, kind: str = "rows") -> None:
        """One object and its entry."""
        contract = self.contracts[dataset]
        load_id = new_load_ids(1, self.now)[0]
        self.now += timedelta(seconds=1)
        shaped = pl.concat([pl.DataFrame(schema=contract.row_schema), rows], how="diagonal_relaxed")
        shaped = shaped.with_columns(_load_id=pl.lit(load_id)).cast(dict(contract.row_schema))  # type: ignore[arg-type]
        path = f"raw/{dataset.replace('.', '/')}/province=68/day={day}/{load_id}.parquet"
        content = io.BytesIO()
        shaped.write_parquet(content)
        put_once(self.store, path, content.getvalue())
        if dataset != "admin.units":
            self.loads.append(load_id)
        moment = self.now.isoformat()
        units = sorted(set(shaped["commune_code"])) if "commune_code" in shaped else []
        commit(
            self.store,
            Entry(load_id, dataset, "accepted", "68", str(day), len(rows), len(rows), 0, "", "k", "v", moment, moment,
                  object=path, kind=kind, units=units),
        )  # fmt: skip

    def a_day_passes(self, number: int) -> None:
        """What one refresh finds."""
        self.now = START + timedelta(days=number)
        for dataset in ("one_stop.dossiers", "inspection.petitions", "directives.tasks"):
            fresh = self.new_rows(dataset, int(self.rng.integers(1, 12)))
            key = self.contracts[dataset].key
            parts = [fresh] if dataset not in self.sent else [fresh, self.changed_rows(dataset, 6)]
            rows = pl.concat(parts, how="diagonal_relaxed")
            if dataset == "inspection.petitions":  # some are withdrawn
                gone = pl.when(pl.Series(self.rng.random(len(rows)) < 0.1)).then("updated_at")
                rows = rows.with_columns(gone.alias("withdrawn_at"))
            self.load(dataset, rows, self.now.date())
            every = pl.concat([*([self.sent[dataset]] if dataset in self.sent else []), rows], how="diagonal_relaxed")
            self.sent[dataset] = every.unique(key, keep="last", maintain_order=True)
        if number % 5 == 4:  # a sweep finds tasks that the source has no more
            gone = self.sent["directives.tasks"].sample(2, seed=number)
            removed = gone.with_columns(pl.col("updated_at") + timedelta(days=1), _removed_at=pl.lit(self.now))
            self.load("directives.tasks", removed, self.now.date(), "sweep")
        month = date(2026, int(self.rng.integers(4, 8)), 1)  # a month's snapshot comes anew
        people = {"commune_code": COMMUNES, "residents": self.rng.integers(900, 1100, 3), "month": [month] * 3}
        same = {"sex": ["female"] * 3, "age_band": ["20-24"] * 3, "updated_at": [self.now] * 3}
        counts = {name: self.rng.integers(0, 9, 3) for name in ("births", "deaths", "moved_in", "moved_out")}
        keys = {"record_id": [f"{month}-{code}" for code in COMMUNES]}
        self.load("population.residents", pl.DataFrame({**people, **same, **counts, **keys}), month)
        if number % 4 == 3:  # somebody takes a load out
            out = self.pick([one for one in self.loads if one not in self.taken_out], 1)[0]
            reject(self.store, out, "nhầm kỳ", self.now)
            self.taken_out.add(out)

    def units(self) -> None:
        names = {"unit_code": ["68", *COMMUNES], "level": ["province"] + ["commune"] * 3, "province_code": ["68"] * 4}
        kinds = {"kind": ["Tỉnh", "Xã", "Xã", "Phường"], "name": list("ABCD"), "short_name": list("ABCD")}
        self.load("admin.units", pl.DataFrame({**names, **kinds, "valid_from": [date(2025, 7, 1)] * 4}), START.date())


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    found = load_settings({"KHO_HOME": str(tmp_path / "home")})
    found.home.mkdir()
    prepare_manifest(found, load_contracts(found.contracts))
    for name, value in environment(found).items():
        monkeypatch.setenv(name, value)
    yield found


def build(settings: Settings, warehouse: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """What a refresh asks of dbt."""
    monkeypatch.setenv("KHO_WAREHOUSE", str(warehouse))
    project, target = str(dbt_project(settings)), str(dbt_target(settings))
    places = ["--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", target]
    chosen = ["build", "--exclude-resource-type", "unit_test", "test", *arguments]
    result = dbtRunner().invoke(["--quiet", "--no-use-colors", *chosen, *places])
    DuckDBConnectionManager._ENV.close()  # else this process keeps the file open
    DuckDBConnectionManager._ENV = None
    assert result.success, result.exception or [str(one.message) for one in result.result if one.message]


def differences(one: Path, other: Path) -> dict[str, int]:
    """Rows that are in one warehouse and not in the other, by table; sums of doubles agree to nine digits."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one}' as one (read_only); attach '{other}' as other (read_only)")
        found = {}
        tables = "select table_name from duckdb_tables() where database_name = 'one' and table_name <> 'loads_read'"
        for (table,) in connection.execute(tables).fetchall():
            columns = connection.execute(
                "select column_name, data_type from duckdb_columns() where database_name = 'one' and table_name = ?",
                [table],
            ).fetchall()
            shown = ", ".join(f"printf('%.9g', \"{n}\")" if t == "DOUBLE" else f'"{n}"' for n, t in columns)
            rows = [f"select {shown} from {place}.main.{table}" for place in ("one", "other")]
            query = f"({rows[0]} except all {rows[1]}) union all ({rows[1]} except all {rows[0]})"
            count = connection.execute(f"select count(*) from ({query})").fetchone()
            found[table] = int(count[0]) if count else 0
    assert {"mart_indicator", "int_dossier", "stg_one_stop__dossiers__versions"} <= set(found)
    return {table: count for table, count in found.items() if count}


def test_incremental_is_full(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = Sources(settings, seed=20)
    sources.units()
    contracts: dict[str, Contract] = sources.contracts
    for number in range(REFRESHES):
        sources.a_day_passes(number)
        write_index(settings, sources.store, contracts, AS_OF)
        compared = number in COMPARED or number == REFRESHES - 1
        whole: list[str] = [] if compared else ["--select", "resource_type:model,config.materialized:incremental"]
        build(settings, tmp_path / "home" / "warehouse.duckdb", monkeypatch, *whole)
        if compared:
            rebuilt = tmp_path / f"rebuilt-{number}" / "warehouse.duckdb"
            rebuilt.parent.mkdir()
            build(settings, rebuilt, monkeypatch)
            assert differences(tmp_path / "home" / "warehouse.duckdb", rebuilt) == {}
    with duckdb.connect(tmp_path / "home" / "warehouse.duckdb", read_only=True) as connection:
        counts = connection.execute(
            "select (select count(*) from int_dossier), (select count(*) from stg_one_stop__dossiers__versions), "
            "(select count(*) from int_petition), (select count(*) from stg_inspection__petitions__versions)"
        ).fetchone()
    assert counts is not None
    dossiers, versions, petitions, petition_versions = counts
    assert 0 < dossiers < versions and 0 < petitions < petition_versions, "nothing was corrected: this tested nothing"
