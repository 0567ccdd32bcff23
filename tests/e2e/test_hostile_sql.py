"""Hostile statements at every door: none succeeds, nothing leaves, nothing is written, the server lives on."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from lake.settings import Settings, load_settings
from superset_assets.client import connect
from superset_assets.deploy import deploy
from superset_assets.launch import Running
from superset_assets.launch import start as start_superset
from tests.e2e.access_surfaces import LIMITED, question
from tests.e2e.installation import Installation
from tests.e2e.test_access_by_role import let_in, write_users
from tests.e2e.visitors import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

SECRET = "BI-MAT-CUA-MAY-CHU"
SECONDS = 4
CORPUS: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "hostile_sql.yaml").read_text(encoding="utf-8"))
STATEMENTS = [(kind, one) for kind, several in CORPUS.items() for one in several]
PLAIN = [(kind, one) for kind, one in STATEMENTS if kind != "templates"]


@pytest.fixture(scope="module")
def attacked(refreshed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Running]]:
    home = tmp_path_factory.mktemp("hostile") / "home"
    shutil.copytree(refreshed.home, home, symlinks=True)
    limits = {"KHO_SUPERSET_QUERY_SECONDS": str(SECONDS), "KHO_SQL_SECONDS": str(SECONDS)}
    installation = Installation(home, refreshed.sources, refreshed.months, limits)
    settings = load_settings(installation.environment())
    write_users(settings, {})
    (home / "canary.txt").write_text(SECRET)
    with start_superset(settings) as server:
        assert deploy(settings, server.url).passed
        yield settings, server


def filled(statement: str, home: Path) -> str:
    """The statement with this installation's paths."""
    return statement.replace("{home}", str(home)).replace("{canary}", str(home / "canary.txt"))


def left_behind(home: Path) -> set[Path]:
    """The files of the installation, but those that the server writes of itself."""
    return {path for path in home.rglob("*") if path.relative_to(home).parts[0] not in ("superset", "logs")}


def refused(answer: requests.Response, statement: str) -> None:
    """Not done, in plain words, and within the time."""
    assert SECRET not in answer.text, statement
    assert "Traceback (most recent call last)" not in answer.text, statement
    done = answer.status_code == 200
    if done and "result" in answer.json() and isinstance(answer.json()["result"], list):
        done = not any(one.get("error") for one in answer.json()["result"])
    assert not done, f"{statement} was done: {answer.text[:300]}"


@pytest.fixture(scope="module")
def analyst(attacked: tuple[Settings, Running]) -> Visitor:
    return let_in(attacked[0], attacked[1].url, "analyst")


@pytest.fixture(scope="module")
def numbers(attacked: tuple[Settings, Running]) -> dict[str, int]:
    client = connect(attacked[0], attacked[1].url)
    databases = {one["database_name"]: one["id"] for one in client.all_of("database")}
    datasets = {one["table_name"]: one["id"] for one in client.all_of("dataset")}
    return {"leaders": databases["Số liệu công bố"], LIMITED: datasets["Xếp hạng đúng hạn của xã"]}


def test_the_corpus_is_large() -> None:
    assert len(set(STATEMENTS)) >= 100


def lives(visitor: Visitor, number: int) -> None:
    """The server answers an honest question rightly afterwards."""
    assert requests.get(f"{visitor.url}/health", timeout=20).status_code == 200
    body = {"database_id": number, "sql": "select count(*) as n from mart_indicator", "schema": "main"}
    honest = visitor.post("/api/v1/sqllab/execute/", body)
    assert honest.status_code == 200 and honest.json()["data"][0]["n"] > 0, honest.text[:300]


def test_sql_lab(attacked: tuple[Settings, Running], analyst: Visitor, numbers: dict[str, int]) -> None:
    home = attacked[0].home
    before = left_behind(home)
    done = []
    for kind, statement in STATEMENTS:
        body: dict[str, Any] = {"database_id": numbers["leaders"], "sql": filled(statement, home), "schema": "main"}
        started = time.monotonic()
        answer = analyst.post("/api/v1/sqllab/execute/", body)
        took = time.monotonic() - started
        print(f"{kind:<10} {answer.status_code} {took:5.1f} s  {statement[:80]!r}")
        try:
            refused(answer, statement)
        except AssertionError as told:
            done.append(str(told))
    assert done == []
    assert left_behind(home) == before
    lives(analyst, numbers["leaders"])


@pytest.mark.parametrize(
    "statement",
    (
        "select * from enable_logging('QueryLog')",
        "select * from Enable_Logging(storage = 'memory')",
        "select * from duckdb_logs",
        "select count(*) from main.duckdb_logs",
    ),
)
def test_what_others_ask_is_not_read(
    attacked: tuple[Settings, Running], analyst: Visitor, numbers: dict[str, int], statement: str
) -> None:
    """Connections of one process to one file share DuckDB's log."""
    body = {"database_id": numbers["leaders"], "sql": statement, "schema": "main"}
    answer = analyst.post("/api/v1/sqllab/execute/", body)
    refused(answer, statement)
    assert "không được phép" in answer.text
    column = {"expressionType": "SQL", "sqlExpression": f"({statement})", "label": "x"}
    refused(analyst.post("/api/v1/chart/data", question(numbers[LIMITED], columns=[column])), statement)


def test_chart_interface(attacked: tuple[Settings, Running], analyst: Visitor, numbers: dict[str, int]) -> None:
    home = attacked[0].home
    before = left_behind(home)
    done = []
    for _, statement in STATEMENTS:
        text = filled(statement, home)
        column = {"expressionType": "SQL", "sqlExpression": f"({text})", "label": "x"}
        for query in ({"columns": [column]}, {"extras": {"where": f"1 = 1) or ({text}"}}, {"extras": {"where": text}}):
            answer = analyst.post("/api/v1/chart/data", question(numbers[LIMITED], **query))
            try:
                refused(answer, f"{query}")
            except AssertionError as told:
                done.append(str(told))
    assert done == []
    assert left_behind(home) == before
    lives(analyst, numbers["leaders"])


def test_kho_sql(attacked: tuple[Settings, Running], refreshed: Installation) -> None:
    settings = attacked[0]
    from orchestration.cli.sql import ask

    before = left_behind(settings.home)
    done = []
    for _, statement in PLAIN:
        try:
            frame = ask(settings, filled(statement, settings.home), None)
        except Exception as problem:
            told = str(problem)
            assert "Traceback" not in told and SECRET not in told
            continue
        done.append((statement, None if frame is None else json.dumps(frame.head(3).to_dicts(), default=str)))
    assert done == []
    assert left_behind(settings.home) == before
