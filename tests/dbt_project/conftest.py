"""A warehouse that dbt built from an empty lake, whose models a test fills and computes again."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from lake.contract import load_contracts
from lake.ledger import write_index
from lake.settings import load_settings
from lake.store import open_store
from orchestration.dbt_manifest import dbt_command, prepare_manifest, read_manifest, tables_by_audience
from orchestration.installation import dbt_project, dbt_target, environment


@dataclass(frozen=True)
class Built:
    """The warehouse file, the SQL that dbt compiled, by model, and the tables of the leaders' file."""

    warehouse: Path
    compiled: dict[str, str]
    leaders: list[str]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """All models of an installation that has no source yet."""
    settings = load_settings({"KHO_HOME": str(tmp_path_factory.mktemp("empty"))})
    contracts = load_contracts(settings.contracts)
    manifest = prepare_manifest(settings, contracts)
    write_index(settings, open_store(settings), contracts)
    project, target = dbt_project(settings), dbt_target(settings)
    places = ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target)]
    places += ["--log-path", str(target)]
    command = [dbt_command(), "--no-use-colors", "build", "--exclude-resource-type", "unit_test", "test", *places]
    ended = subprocess.run(command, env={**os.environ, **environment(settings)}, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr
    files = sorted((target / "compiled" / "kho_tinh" / "models").rglob("*.sql"))
    compiled = {path.stem: path.read_text(encoding="utf-8") for path in files}
    return Built(settings.warehouse, compiled, sorted(tables_by_audience(read_manifest(manifest))["leaders"]))


@pytest.fixture
def warehouse(built: Built, tmp_path: Path) -> Callable[[], duckdb.DuckDBPyConnection]:
    """Opens a copy of the warehouse, under the name by which its models call it."""
    opened = []

    def open_copy() -> duckdb.DuckDBPyConnection:
        copy = tmp_path / str(len(opened)) / built.warehouse.name
        copy.parent.mkdir()
        copy.write_bytes(built.warehouse.read_bytes())
        opened.append(duckdb.connect(copy))
        return opened[-1]

    yield open_copy  # type: ignore[misc]
    for connection in opened:
        connection.close()
