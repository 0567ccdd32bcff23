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
from lake.settings import Settings, load_settings
from lake.store import open_store
from orchestration.dbt_manifest import dbt_command, prepare_manifest, read_manifest, tables_by_audience
from orchestration.installation import dbt_project, dbt_target, environment
from tests.conftest import made_once


@dataclass(frozen=True)
class Built:
    """The installation, the SQL that dbt compiled, by model, and the tables of the leaders' file."""

    settings: Settings
    compiled: dict[str, str]
    leaders: list[str]

    @property
    def warehouse(self) -> Path:
        """The file with all tables, without rows but for the seeds."""
        return self.settings.warehouse


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """All models of an installation that has no source yet."""

    def settings_of(folder: Path) -> Settings:
        return load_settings({"KHO_HOME": str(folder / "home")})

    def build(folder: Path) -> None:
        settings = settings_of(folder)
        contracts = load_contracts(settings.contracts)
        prepare_manifest(settings, contracts)
        write_index(settings, open_store(settings), contracts)
        dbt(settings, "build", "--exclude-resource-type", "unit_test", "test")

    settings = settings_of(made_once(tmp_path_factory, "built", build))
    target = dbt_target(settings)
    files = sorted((target / "compiled" / "kho_tinh" / "models").rglob("*.sql"))
    compiled = {path.stem: path.read_text(encoding="utf-8") for path in files}
    manifest = read_manifest(target / "manifest.json")
    return Built(settings, compiled, sorted(tables_by_audience(manifest)["leaders"]))


def dbt(settings: Settings, *arguments: str) -> str:
    """Run dbt to its good end; returns what it told."""
    project, target = str(dbt_project(settings)), str(dbt_target(settings))
    places = ["--project-dir", project, "--profiles-dir", project, "--target-path", target, "--log-path", target]
    command = [dbt_command(), "--no-use-colors", "--log-level-file", "none", *arguments, *places]
    ended = subprocess.run(command, env={**os.environ, **environment(settings)}, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr
    return ended.stdout


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
