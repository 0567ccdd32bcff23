"""The shipped contracts of the registers, read through their connectors and the door from the running systems.

What the door accepts is compared with what the source holds, counted there in another way; what it refuses, with
what was planted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgres
import httpx
import polars as pl
import pytest

from lake.connectors import CONNECTORS, Window
from lake.contract import Contract
from lake.door import Admitted, admit
from lake.pseudonyms import Key
from lake.references import Units
from lake.settings import load_settings
from simulator import bad_records, server, truth
from simulator.tables import TABLES, state_at
from simulator.world import World, open_world

SOURCE_NOW = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)
LOCAL_NOW = datetime(2026, 11, 23, 14, 20)
SEED, MONTHS, COMMUNES, SCALE = 11, 8, 16, 0.4

# dataset: the source's table, and a measure that is summed here and there
DATASETS = {
    "population.residents": ("residents", "residents", "soNguoi"),
    "insurance.coverage": ("insurance", "insured", "soNguoiThamGia"),
    "enterprise.registrations": ("enterprises", "charter_capital", "vonDieuLe"),
    "land.transactions": ("land", "area_m2", "dienTich"),
    "poverty.households": ("poverty", "persons", "soNhanKhau"),
    "security.incidents": ("incidents", "latitude", "vi_do"),
    "inspection.petitions": ("petitions", "signatories", "so_nguoi_ky"),
    "finance.budget_revenue": ("budget", "revenue_million_vnd", "so_thu"),
    "one_stop.procedures": ("procedures", "fee_thousand_vnd", "phiLePhi"),
    "personnel.officers": ("officers", "officers_present", "so_co_mat"),
    "directives.tasks": ("tasks", "progress_pct", "tien_do"),
}
# by kind of bad record, how the code of the reason begins
REASONS = {
    "missing": ("missing:",),
    "outlier": ("range:",),
    "duplicate": ("duplicate",),
    "format": ("pattern:", "type:"),
    "foreign_key": ("unknown_unit:",),
    "cross_field": ("check:",),
    "stale": ("check:",),
    "mismatch": ("mismatch:",),
}


@dataclass(frozen=True)
class Province:
    """The running systems and what they were made from."""

    running: server.Running
    world: World


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    home = tmp_path_factory.mktemp("registers")
    running = server.start(home, SOURCE_NOW, SEED, MONTHS, COMMUNES, SCALE, frozen=True)
    yield Province(running, open_world(home, SOURCE_NOW, SEED, MONTHS, COMMUNES, SCALE))
    running.stop()


def read(contract: Contract, province: Province, home: Path, window: Window | None) -> pl.DataFrame:
    settings = load_settings({"KHO_HOME": str(home), "KHO_RETRY_SECONDS": "0.01", **province.running.env})
    tables = [extract.table for extract in CONNECTORS[contract.protocol](contract, window, settings)]
    return pl.concat(tables, how="diagonal_relaxed")


@dataclass(frozen=True)
class Delivery:
    received: pl.DataFrame
    admitted: Admitted


@pytest.fixture(scope="module")
def deliveries(
    province: Province, contracts: dict[str, Contract], units: Units, key: Key, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Delivery]:
    """Everything that each source holds, past the door."""
    home = tmp_path_factory.mktemp("settings")
    found = {}
    for dataset in DATASETS:
        received = read(contracts[dataset], province, home, None)
        found[dataset] = Delivery(received, admit(received, contracts[dataset], units, key, SOURCE_NOW))
    return found


def good_rows(province: Province, dataset: str) -> pl.DataFrame:
    """What the source holds without the planted rows, from the world that it was made from."""
    name, _, _ = DATASETS[dataset]
    return (
        state_at(province.world.tables[name].lazy(), TABLES[name], LOCAL_NOW).filter(pl.col("_bad").is_null()).collect()
    )


@pytest.mark.parametrize("dataset", DATASETS)
def test_nothing_is_lost_between_received_and_accepted_or_quarantined(
    deliveries: dict[str, Delivery], dataset: str
) -> None:
    delivery = deliveries[dataset]
    assert len(delivery.received) == len(delivery.admitted.accepted) + len(delivery.admitted.quarantined)
    assert len(delivery.admitted.accepted) > 20
    assert delivery.admitted.drift == []


@pytest.mark.parametrize("dataset", DATASETS)
def test_accepted_is_what_the_source_holds(deliveries: dict[str, Delivery], province: Province, dataset: str) -> None:
    name, measure, source_measure = DATASETS[dataset]
    accepted, good = deliveries[dataset].admitted.accepted, good_rows(province, dataset)
    assert len(accepted) == len(good)
    assert accepted[measure].sum() == pytest.approx(good[source_measure].sum())
    assert set(accepted.to_series(1)) == set(good[TABLES[name].key])


@pytest.mark.parametrize("dataset", [dataset for dataset in DATASETS if TABLES[DATASETS[dataset][0]].reader])
def test_accepted_is_what_the_database_counts(
    deliveries: dict[str, Delivery], province: Province, contracts: dict[str, Contract], dataset: str
) -> None:
    name, _, source_measure = DATASETS[dataset]
    key, source = TABLES[name].key, contracts[dataset].source
    uri = province.running.env[source["uri"].strip("${}")]
    with postgres.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"select count(*), sum({source_measure})::float8 from (select distinct on ({key}) * from {source['table']} "
            f"where {key} !~ '-9[0-9]{{5}}$') as good"
        )
        count, total = cursor.fetchone() or (0, 0)
    accepted = deliveries[dataset].admitted.accepted
    assert (len(accepted), accepted[DATASETS[dataset][1]].sum()) == (count, pytest.approx(total))


def test_accepted_is_what_the_desks_and_the_case_register_count(
    province: Province, contracts: dict[str, Contract], units: Units, key: Key, tmp_path: Path
) -> None:
    """Asked by cursor where the connector turns pages, and by SQL of the database itself."""
    env = province.running.env
    log_in = {"grant_type": "client_credentials", "client_id": env["ONE_STOP_CLIENT_ID"]}
    desks: list[str] = []
    with httpx.Client(base_url=env["ONE_STOP_URL"], trust_env=False, timeout=300) as client:
        answer = client.post("/oauth2/token", data={**log_in, "client_secret": env["ONE_STOP_CLIENT_SECRET"]})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        asked: dict[str, str | int] = {"page_size": 900}
        while True:
            body = client.get("/api/v1/dossiers", params=asked).json()
            desks += [row["maHoSo"] for row in body["data"]]
            if body["next_cursor"] is None:
                break
            asked["cursor"] = body["next_cursor"]
        assert len(desks) == body["total"]
    with postgres.connect(env["HEALTH_DATABASE_URI"]) as connection, connection.cursor() as cursor:
        cursor.execute("select ma_ca_benh from public.ca_benh")
        cases = [str(row[0]) for row in cursor.fetchall()]
    held = {"one_stop.dossiers": ("dossiers", desks), "health.case_reports": ("cases", cases)}
    for dataset, (name, ids) in held.items():
        received = read(contracts[dataset], province, tmp_path, None)
        admitted = admit(received, contracts[dataset], units, key, SOURCE_NOW)
        bad = truth.bad_rows(province.running.home, name, SOURCE_NOW)
        repeated = bad.filter(pl.col("kind") == "exact_duplicate")["record_id"]
        assert len(received) == len(ids), dataset
        assert len(admitted.accepted) + len(admitted.quarantined) == len(ids), dataset
        # of equal rows the first is good
        good = set(ids) - set(bad["record_id"]) | set(repeated)
        assert set(admitted.accepted.to_series(admitted.accepted.columns.index(contracts[dataset].key[0]))) == good
        assert len(admitted.accepted) == len(good) > 100, dataset


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_kind_of_bad_record_is_caught(deliveries: dict[str, Delivery], province: Province, dataset: str) -> None:
    name, _, _ = DATASETS[dataset]
    planted = truth.bad_rows(province.running.home, name, SOURCE_NOW)
    assert set(planted["kind"]) == set(REASONS) == set(bad_records.KINDS)
    refused = deliveries[dataset].admitted.quarantined
    for kind, codes in REASONS.items():
        ids = planted.filter(kind=kind)["record_id"]
        right = refused.filter(
            pl.col("reasons").list.eval(pl.any_horizontal(pl.element().str.starts_with(c) for c in codes)).list.any()
        )
        assert ids.is_in(right["record_id"].implode()).mean() >= 0.99, kind  # type: ignore[operator]
    wrong = refused.filter(~pl.col("record_id").is_in(planted["record_id"].implode()))
    assert wrong.is_empty(), "good records were refused"
    assert refused["reason_text"].str.len_chars().min() > 10  # type: ignore[operator]


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_window_holds_what_belongs_to_it(
    province: Province, contracts: dict[str, Contract], tmp_path: Path, dataset: str
) -> None:
    name, contract, table = DATASETS[dataset][0], contracts[dataset], TABLES[DATASETS[dataset][0]]
    start = datetime.fromisoformat("2026-09-01T00:00:00+07:00")
    window = Window(start, start + timedelta(days=30))
    rows = read(contract, province, tmp_path, window)
    moment = pl.col(table.by_period or table.updated).cast(pl.Datetime("us"))
    within = moment.is_between(start.replace(tzinfo=None), datetime(2026, 10, 1), closed="left")
    there = state_at(province.world.tables[name].lazy(), table, LOCAL_NOW).filter(within).collect()
    assert sorted(rows[table.key]) == sorted(there[table.key])
    assert len(rows) >= (0 if dataset == "poverty.households" else 5)


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_identifier_passes_the_door(
    deliveries: dict[str, Delivery], province: Province, contracts: dict[str, Contract], dataset: str
) -> None:
    """Neither rows nor the quarantine hold what the contract protects."""
    delivery, contract = deliveries[dataset], contracts[dataset]
    protected = {name for column in contract.columns if column.protect for name in column.source_names}
    secrets = pl.concat(
        [delivery.received[name].cast(pl.String).alias("secret") for name in protected]
        or [pl.Series("secret", [], pl.String)]
    )
    secrets = secrets.drop_nulls().unique().filter(secrets.drop_nulls().unique().str.len_chars() > 8)
    for frame in (delivery.admitted.accepted, delivery.admitted.quarantined):
        shown = frame.select(pl.col(pl.String)).unpivot()["value"].drop_nulls().unique()
        assert not set(shown) & set(secrets)
    text = "\n".join(delivery.admitted.quarantined["row"])
    assert not [one for one in secrets.filter(secrets.str.contains(r"^\d{9,}$")) if one in text]


def test_withdrawn_petitions_say_since_when(deliveries: dict[str, Delivery], province: Province) -> None:
    accepted = deliveries["inspection.petitions"].admitted.accepted
    withdrawn = accepted.filter(pl.col("withdrawn_at").is_not_null())
    assert len(withdrawn) > 0
    assert set(withdrawn["status"]) == {"withdrawn"}
    assert "body" not in accepted.columns
