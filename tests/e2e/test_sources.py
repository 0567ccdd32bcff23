"""All the province's sources through `kho refresh`, on a local directory and on a real MinIO.

What comes is what the sources hold; what was planted is refused; no identifier is left in any file; and a dataset more
of each protocol is one YAML file.
"""

import io
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from benchmarks.planted_rows import DATASETS, compare
from lake.contract import load_contracts
from lake.ledger import read_index
from lake.settings import load_settings
from lake.store import list_paths, open_store, read
from lake.windows import local_day
from simulator.server import Running, start
from tests.conftest import Minio
from tests.e2e.identifiers import identifiers_in, made_up
from tests.e2e.installation import REPOSITORY, Installation, contents

pytestmark = [pytest.mark.e2e, pytest.mark.soak]
SOURCES = set(DATASETS.values()) | {"field.report_items", "health.monthly_reports", "health.populations"}
ONE_MORE = {
    "schools/attendance": """
title: Chuyên cần
source: {protocol: rest, url: "${ONE_STOP_URL}", path: /api/v1/attendance, records: data,
  auth: {token_url: "${ONE_STOP_URL}/oauth2/token", client_id: "${ONE_STOP_CLIENT_ID}",
    client_secret: "${ONE_STOP_CLIENT_SECRET}"},
  paging: {style: next_link}, window: {from_param: updated_since, to_param: updated_before}}
columns:
  - {name: id, type: text, required: true, label: Mã, description: Key}
  - {name: changed_at, source: updated_at, type: timestamp, required: true, label: Lúc, description: Change}
""",
    "police/thefts": """
title: Vụ trộm
source: {protocol: postgres, uri: "${SECURITY_DATABASE_URI}", table: an_ninh.vu_viec, window_column: cap_nhat_luc}
columns:
  - {name: id, source: ma_vu_viec, type: text, required: true, label: Mã, description: Key}
  - {name: changed_at, source: cap_nhat_luc, type: timestamp, required: true, label: Lúc, description: Change}
""",
    "mobile/places": """
title: Nơi phản ánh
source: {protocol: odata, url: "${FIELD_APP_URL}", project: "${FIELD_APP_PROJECT}", form: phan_anh_hien_truong,
  auth: {email: "${FIELD_APP_EMAIL}", password: "${FIELD_APP_PASSWORD}"}}
columns:
  - {name: id, source: ma_phieu, type: text, required: true, label: Mã, description: Key}
  - {name: changed_at, source: updatedAt, type: timestamp, required: true, label: Lúc, description: Change}
""",
    "gauges/rain": """
title: Trạm đo
source: {protocol: sensorthings, url: "${SENSORS_URL}",
  auth: {token_url: "${SENSORS_TOKEN_URL}", client_id: "${SENSORS_CLIENT_ID}",
    client_secret: "${SENSORS_CLIENT_SECRET}"}}
columns:
  - {name: id, type: text, required: true, label: Mã, description: Key}
  - {name: changed_at, source: resultTime, type: timestamp, required: true, label: Lúc, description: Change}
""",
    "clinics/vaccinations": """
title: Tiêm chủng
source: {protocol: files, folder: "${HEALTH_DROP_FOLDER}", patterns: ["tiem_chung_*.csv"]}
columns:
  - {name: id, source: Mã mũi tiêm, type: text, required: true, label: Mã, description: Key}
  - {name: changed_at, source: Ngày tiêm, type: timestamp, required: true, label: Lúc, description: Change}
""",
}
HEAD = """
dataset: {name}
description: One more.
tier: commune
owner: tests
mode: stream
partition: daily
schedule: hourly
key: [id]
updated_at: changed_at
load: {{volume: [0, 100]}}  # how much comes on which day is the contracts' own matter, not tried here
"""


# the reports of the last month come in the first days of the next one: of the one before there are some always
MONTHS = 1 if local_day(datetime.now(UTC)).day > 15 else 2


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("province"), scale=1.6 / MONTHS, months=MONTHS)
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["file", "minio"])
def collected(
    request: pytest.FixtureRequest, province: Running, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    """After a first nightly refresh of every source. Not to be written, but by the last test."""
    folder = tmp_path_factory.mktemp(f"collected-{request.param}")
    env = {"KHO_CONTRACTS": str(folder / "contracts")}
    for model in ("REMOTE_FORECASTER", "REMOTE_LABELLER"):
        env |= {f"{model}_{name}": province.env[f"AI_PLATFORM_{name}"] for name in ("MODEL", "KEY")}
        env[f"{model}_URL"] = f"{province.env['AI_PLATFORM_URL']}/v1"
    shutil.copytree(REPOSITORY / "lake" / "contracts", folder / "contracts")
    if request.param == "minio":
        server: Minio = request.getfixturevalue("minio")
        env |= server.lake(folder.name)
    installation = Installation(folder / "home", province, months=MONTHS, env=env)
    done = installation.kho("refresh", "--nightly")
    assert done.returncode == 0, done.stderr[-4000:]
    return installation


def test_every_source_comes_whole(collected: Installation) -> None:
    told = {one["dataset"]: one for one in collected.status()["datasets"]}
    assert set(told) >= SOURCES
    for name in SOURCES:
        assert told[name]["accepted"] > 0, name
        assert told[name]["received"] == told[name]["accepted"] + told[name]["quarantined"], name
    tables = collected.rows("select table_name from duckdb_tables() where table_name like 'stg_%'")
    published = {one["table_name"] for one in tables}
    assert {f"stg_{name.replace('.', '__')}" for name in SOURCES} <= published


def test_what_was_planted_is_refused_and_nothing_else(collected: Installation) -> None:
    settings = load_settings(collected.environment())
    contracts = load_contracts(settings.contracts)
    rows = []
    for path in sorted((collected.sources.home / "truth").glob("bad_*.parquet")):
        dataset = DATASETS.get(path.stem.removeprefix("bad_"))
        compared = compare(settings, contracts[dataset], pl.read_parquet(path)) if dataset else None
        rows += [compared] if compared is not None else []
    found = pl.concat(rows)
    assert found["dataset"].n_unique() >= 16
    kinds = found.filter(pl.col("kind") != "good").group_by("kind").agg(pl.col("planted", "refused").sum())
    assert len(kinds) == 8
    assert (kinds["refused"] >= 0.99 * kinds["planted"]).all(), kinds
    good = found.filter(kind="good")
    assert (good["refused"] <= 0.001 * good["planted"]).all(), good


def test_a_remote_model_takes_part_and_gets_no_identifier(collected: Installation) -> None:
    scores = collected.rows(
        "select distinct model from mart_forecast_score where model = 'remote' and crps is not null"
    )
    assert len(scores) == 1, "it was scored in the backtest"
    received = (collected.sources.home / "ai_platform_received.jsonl").read_text(encoding="utf-8")
    asked = [json.loads(json.loads(line)["messages"][-1]["content"]) for line in received.splitlines()]
    texts = [text for one in asked if one["task"] == "topic" for text in one["texts"]]
    assert len(texts) > 500 and any(one["task"] == "forecast" for one in asked)
    known = made_up(collected.sources.home / "generated") | made_up(collected.sources.home / "truth")
    assert identifiers_in("\n".join(texts).encode(), known, texts=True) == set()
    assert identifiers_in(received.encode(), known) == set()


def test_no_identifier_is_in_any_file(collected: Installation) -> None:
    known = made_up(collected.sources.home / "generated") | made_up(collected.sources.home / "truth")
    assert len(known) >= 10_000
    assert any(b"@" in one for one in known) and any(len(one) == 11 for one in known), "malformed and other ones too"
    found: list[tuple[str, bytes]] = []
    texts = 0
    for place, content in _everything(collected):
        with_texts = place.startswith(("quarantine", "restricted"))
        found += [(place, one) for one in identifiers_in(content, known, with_texts)]
        texts += place.startswith("restricted")
    assert found == []
    assert texts > 0, "texts were looked at"


def _everything(installation: Installation) -> Iterator[tuple[str, bytes]]:
    """Every file of the installation and every object of its lake, raw and as a reader of its format finds it."""
    for path, content in contents(installation.home):
        yield str(path.relative_to(installation.home)).removeprefix("lake/"), content
    settings = load_settings(installation.environment())
    if settings.lake_url.startswith("s3:"):
        store = open_store(settings)
        for path in list_paths(store, ""):
            raw = read(store, path)
            yield path, raw
            if raw.startswith(b"PAR1"):
                yield path, pl.read_parquet(io.BytesIO(raw)).write_json().encode()


def test_reporting_is_told_by_unit_and_day(collected: Installation) -> None:
    with duckdb.connect(collected.home / "warehouse.duckdb", read_only=True) as warehouse:
        told = warehouse.sql(
            "select dataset, count(distinct unit_code) as units, count(distinct day) as days, "
            "count(*) filter (where received_at is not null) as received, count(*) as expected "
            "from int_unit_delivery group by dataset"
        ).pl()
    by_name = {row["dataset"]: row for row in told.to_dicts()}
    electricity, desks = by_name["utilities.electricity"], by_name["one_stop.dossiers"]
    assert electricity["units"] == 124 and electricity["days"] > 25
    assert 0.9 * electricity["expected"] < electricity["received"] <= electricity["expected"]
    assert desks["units"] == 124 and desks["days"] < electricity["days"], "nothing is due on days off"
    assert "health.monthly_reports" not in by_name, "no delivery date, no discipline"


@pytest.mark.parametrize("collected", ["file"], indirect=True)
def test_one_more_of_each_protocol_is_one_file(collected: Installation) -> None:
    """Last: it adds to the installation. A local directory is enough: where the lake lies makes no difference to it."""
    contracts = Path(collected.env["KHO_CONTRACTS"])
    for place, body in ONE_MORE.items():
        path = contracts / f"{place}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD.format(name=place.replace("/", ".")) + body, encoding="utf-8")
    rows = pl.DataFrame({"id": [f"A{n}" for n in range(20)]}).with_columns(
        updated_at=pl.lit(collected.status()["published_at"]).str.slice(0, 19) + "Z"
    )
    extra = collected.sources.home / "extra" / "attendance.csv"
    rows.write_csv(extra)
    dropped = Path(collected.sources.env["HEALTH_DROP_FOLDER"]) / "tiem_chung_1.csv"
    rows.rename({"id": "Mã mũi tiêm", "updated_at": "Ngày tiêm"}).write_csv(dropped)
    try:
        names = [place.replace("/", ".") for place in ONE_MORE]
        done = collected.kho("refresh", "--hourly", "--datasets", ",".join(names))
        assert done.returncode == 0, done.stderr[-3000:]
        for name in names:
            table = f"stg_{name.replace('.', '__')}"
            counted = collected.rows(f"select count(*) as n, count(distinct id) as ids from {table}")
            assert counted[0]["n"] == counted[0]["ids"] > 0, name
            assert collected.dataset(name)["accepted"] >= counted[0]["n"], name
        thefts, incidents = (
            collected.rows(f"select count(*) as n from {table}")[0]["n"]
            for table in ("stg_police__thefts", "stg_security__incidents")
        )
        assert thefts >= incidents
        listed = json.loads(collected.kho("datasets", "--json").stdout)
        assert {one["dataset"] for one in listed} >= set(names)
        index = read_index(
            load_settings(collected.environment()),
            open_store(load_settings(collected.environment())),
            load_contracts(contracts),
        )
        assert (index["received"] == index["accepted"] + index["quarantined"]).all()
    finally:
        extra.unlink()
        dropped.unlink()
