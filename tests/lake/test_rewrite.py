"""Erasure, key rotation and the end of retention: on a local directory, and on a real MinIO that keeps old versions."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from minio import Minio as Client
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig
from pydantic import create_model

import lake.extracts
import lake.store
from lake import rewrite
from lake.connectors import Extract, Window
from lake.contract import Contract, load_contracts
from lake.current import read_current
from lake.ledger import read_index, reject
from lake.loads import ingest
from lake.pseudonyms import load_key, pseudonymise
from lake.settings import Settings, load_settings
from lake.sources import SOURCES
from lake.store import list_paths, open_store, read
from tests.conftest import Minio
from tests.lake.test_loads import accept

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAYS = [date(2026, 11, day) for day in (18, 19, 20)]
PETITIONS = """
dataset: test.petitions
title: Đơn thư
description: Petitions of a test.
tier: sectoral
owner: tests
mode: stream
partition: daily
schedule: hourly
source: {protocol: made}
key: [id]
updated_at: updated_at
retention: {text_days: 30}
columns:
  - {name: id, type: text, required: true, label: Mã, description: Key}
  - {name: person, type: text, required: true, label: Người, description: Who, pattern: '\\d{12}', protect: pseudonym}
  - {name: size, type: integer, label: Cỡ, description: Size, range: [0, 100]}
  - {name: story, type: text, label: Nội dung, description: Text, protect: free_text}
  - {name: updated_at, type: timestamp, required: true, label: Lúc, description: Change}
"""
ANN, BEN, EVE = "068090001234", "068190005678", "068290009999"
ROWS = [
    ("a1", ANN, 1, "Đường hỏng, gọi 0912 345 678"),
    ("a2", ANN, 300, "Dòng bị từ chối"),  # to the quarantine
    ("b1", BEN, 2, f"Tôi số {BEN} đề nghị"),
    ("e1", EVE, 3, None),
]


@pytest.fixture(params=["file", "minio"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    contracts = tmp_path / "contracts"
    (contracts / "test").mkdir(parents=True)
    (contracts / "test" / "petitions.yaml").write_text(PETITIONS, encoding="utf-8")
    env = {"KHO_HOME": str(tmp_path / "home"), "KHO_CONTRACTS": str(contracts)}
    if request.param == "minio":
        server: Minio = request.getfixturevalue("minio")
        bucket = re.sub(r"[\W_]+", "-", tmp_path.name).strip("-").lower()[:60]
        client = client_of(server.env)
        client.make_bucket(bucket)
        client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
        env |= {**server.env, "LAKE_URL": f"s3://{bucket}/lake"}
    return load_settings(env)


def client_of(env: dict[str, str]) -> Client:
    place = env["AWS_ENDPOINT_URL"].removeprefix("http://")
    return Client(place, env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], secure=False)


@pytest.fixture
def contracts(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Contract]:
    monkeypatch.setitem(SOURCES, "made", create_model("Made"))
    return load_contracts(installation.contracts)


@pytest.fixture
def loaded(
    installation: Settings, contracts: dict[str, Contract], monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[tuple[str, str, int, str | None]], date], None]:
    """Reads rows as a day's load."""

    def load(rows: list[tuple[str, str, int, str | None]], day: date) -> None:
        moment = f"{day}T10:00:00+07:00"
        table = pl.DataFrame(rows, schema=["id", "person", "size", "story"], orient="row").with_columns(
            updated_at=pl.lit(moment)
        )

        def read_made(contract: Contract, window: Window | None, settings: Settings) -> Iterator[Extract]:
            yield Extract(table)

        monkeypatch.setitem(lake.extracts.CONNECTORS, "made", read_made)
        ingest(contracts["test.petitions"], [day], installation, accept, NOW)

    return load


def everything(installation: Settings) -> bytes:
    """Every byte that is kept of the lake: of a bucket all versions, of tables their contents too."""
    if installation.lake_url.startswith("s3:"):
        client = client_of(dict(installation.env))
        bucket = installation.lake_url.split("/")[2]
        contents = [
            client.get_object(bucket, one.object_name or "", version_id=one.version_id).read()
            for one in client.list_objects(bucket, recursive=True, include_version=True)
            if not one.is_delete_marker
        ]
    else:
        store = open_store(installation)
        contents = [read(store, path) for path in list_paths(store, "")]
    tables = [pl.read_parquet(one).write_json().encode() for one in contents if one.startswith(b"PAR1")]
    return b"".join(contents + tables)


def pseudonym(installation: Settings, number: str) -> str:
    return str(pseudonymise(pl.Series([number]), load_key(installation))[0])


def test_an_erased_person_is_nowhere(
    installation: Settings, contracts: dict[str, Contract], loaded: Callable[..., None]
) -> None:
    loaded(ROWS, DAYS[0])
    loaded([("a3", ANN, 5, "Lần nữa"), ("b2", BEN, 6, "Khác")], DAYS[1])
    ann = pseudonym(installation, ANN)
    assert ann.encode() in everything(installation) and b"0912 345 678" not in everything(installation)
    touched = rewrite.erase(installation, contracts, [ann], "văn phòng", "theo yêu cầu", NOW)
    assert touched.select("rows", "quarantined", "texts").sum().row(0) == (2, 1, 2)
    kept = everything(installation)
    assert ann.encode() not in kept and "Đường hỏng".encode() not in kept
    rows = read_current(installation, contracts["test.petitions"])
    assert rows["id"].sort().to_list() == ["b1", "b2", "e1"], "nobody else's rows are touched"
    store = open_store(installation)
    listed = [json.loads(read(store, path)) for path in list_paths(store, "erasures/")]
    assert [(one["asked_by"], one["reason"]) for one in listed] == [("văn phòng", "theo yêu cầu")]
    index = read_index(installation, store, contracts)
    assert index["received"].sum() == 6, "entries stay as they were"
    again = rewrite.replay_erasures(installation, contracts)
    assert again.is_empty()


def test_a_restore_brings_nobody_back(
    installation: Settings, contracts: dict[str, Contract], loaded: Callable[..., None]
) -> None:
    loaded(ROWS, DAYS[0])
    store = open_store(installation)
    paths = [path for prefix in ("raw", "quarantine", "restricted") for path in list_paths(store, f"{prefix}/")]
    backup = {path: read(store, path) for path in paths}
    ann = pseudonym(installation, ANN)
    rewrite.erase(installation, contracts, [ann], "văn phòng", "theo yêu cầu", NOW)
    rewrite.rotate_key(installation, contracts)
    for path, content in backup.items():
        lake.store.replace(installation, store, path, content)
    assert ann.encode() in everything(installation)
    assert rewrite.replay_erasures(installation, contracts)["rows"].sum() == 1
    assert ann.encode() not in everything(installation)


def test_a_new_key_keeps_the_linkage_of_history(
    installation: Settings, contracts: dict[str, Contract], loaded: Callable[..., None]
) -> None:
    loaded(ROWS, DAYS[0])
    before = pseudonym(installation, ANN)
    assert rewrite.rotate_key(installation, contracts) == 3
    after = pseudonym(installation, ANN)
    assert after != before and before.encode() not in everything(installation)
    loaded([("a3", ANN, 5, "Lần nữa"), ("a4", ANN, 500, None)], DAYS[1])
    assert rewrite.finish_rotation(installation, contracts) == 0
    rows = read_current(installation, contracts["test.petitions"])
    assert set(rows.filter(pl.col("id").is_in(["a1", "a3"]))["person"]) == {after}
    assert rewrite.rotate_key(installation, contracts) == 6
    rows = read_current(installation, contracts["test.petitions"])
    last = pseudonym(installation, ANN)
    assert set(rows.filter(pl.col("id").is_in(["a1", "a3"]))["person"]) == {last} and last not in (before, after)
    touched = rewrite.erase(installation, contracts, [last], "văn phòng", "theo yêu cầu", NOW)
    assert touched.select("rows", "quarantined").sum().row(0) == (2, 2), "in the quarantine as well"


@pytest.mark.parametrize("at", range(4))
def test_a_killed_rotation_or_erasure_is_finished_by_the_next(
    installation: Settings,
    contracts: dict[str, Contract],
    loaded: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    for day in DAYS:
        loaded([(f"{name}{day.day}", person, size, text) for name, person, size, text in ROWS], day)

    class Killed(BaseException):
        pass

    def kill_after(writes: int) -> None:
        left = iter(range(writes))

        def dying(*arguments: object) -> None:
            if next(left, None) is None:
                raise Killed
            lake.store.replace(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(rewrite, "replace", dying)

    first = pseudonym(installation, ANN)
    kill_after(at)
    with pytest.raises(Killed):
        rewrite.rotate_key(installation, contracts)
    monkeypatch.undo()
    rewrite.finish_rotation(installation, contracts)
    second = pseudonym(installation, ANN)
    assert first.encode() not in everything(installation)
    kill_after(at)
    with pytest.raises(Killed):
        rewrite.erase(installation, contracts, [second], "văn phòng", "theo yêu cầu", NOW)
    monkeypatch.undo()
    rewrite.replay_erasures(installation, contracts)
    assert second.encode() not in everything(installation)
    assert len(read_current(installation, contracts["test.petitions"])) == 6


def test_texts_go_after_their_time_and_rows_stay(
    installation: Settings, contracts: dict[str, Contract], loaded: Callable[..., None]
) -> None:
    loaded(ROWS, DAYS[0])
    assert rewrite.expire(installation, contracts, datetime.now(UTC)) == 0
    assert rewrite.expire(installation, contracts, datetime.now(UTC) + timedelta(days=31)) == 1
    assert "Đường hỏng".encode() not in everything(installation)
    assert len(read_current(installation, contracts["test.petitions"])) == 3
    assert rewrite.expire(installation, contracts, datetime.now(UTC) + timedelta(days=31)) == 0


def test_rows_go_after_their_time(
    installation: Settings, contracts: dict[str, Contract], loaded: Callable[..., None]
) -> None:
    loaded(ROWS, DAYS[0])
    contract = contracts["test.petitions"]
    short = {
        contract.dataset: contract.model_copy(update={"retention": contract.retention.model_copy(update={"months": 2})})
    }
    assert rewrite.expire(installation, short, NOW) == 0
    assert rewrite.expire(installation, short, NOW + timedelta(days=70)) > 0
    assert read_current(installation, contract).is_empty()
    assert pseudonym(installation, BEN).encode() not in everything(installation)


def test_rows_go_after_their_time_whoever_took_their_load_out(
    installation: Settings,
    contracts: dict[str, Contract],
    loaded: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also of a load that was taken out by hand before, and where a run was killed between ledger and objects."""
    loaded(ROWS, DAYS[0])
    loaded([("b9", BEN, 6, "Khác")], DAYS[1])
    contract, store = contracts["test.petitions"], open_store(installation)
    two_months = contract.retention.model_copy(update={"months": 2})
    short = {contract.dataset: contract.model_copy(update={"retention": two_months})}
    (first, *_) = read_index(installation, store, contracts)["load_id"]
    reject(store, first, "Nhập nhầm", NOW)

    def dying(*arguments: object) -> None:
        raise KeyboardInterrupt

    later = NOW + timedelta(days=70)
    monkeypatch.setattr(rewrite, "remove", dying)
    with pytest.raises(KeyboardInterrupt):
        rewrite.expire(installation, short, later)
    monkeypatch.undo()
    assert rewrite.expire(installation, short, later) > 0
    assert list_paths(store, "raw/") == list_paths(store, "quarantine/") == []
    assert rewrite.expire(installation, short, later) == 0, "what is gone is not removed again"


def test_what_is_no_pseudonym_is_refused(installation: Settings, contracts: dict[str, Contract]) -> None:
    with pytest.raises(rewrite.RewriteError, match="64 hexadecimal digits"):
        rewrite.erase(installation, contracts, [ANN], "văn phòng", "thử", NOW)
    assert list_paths(open_store(installation), "erasures/") == []
