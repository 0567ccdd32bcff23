"""dbt's own unit tests of the models, and its data tests on a warehouse without rows."""

import shutil
from dataclasses import replace
from pathlib import Path

from orchestration.dbt_manifest import read_manifest
from orchestration.installation import dbt_project, dbt_target
from tests.dbt_project.conftest import Built, dbt


def test_dbt_finds_every_formula_right(built: Built, tmp_path: Path) -> None:
    home = tmp_path / "home"  # others read the first one
    shutil.copytree(built.settings.home, home)
    told = dbt(replace(built.settings, home=home), "test")
    manifest = read_manifest(dbt_target(built.settings) / "manifest.json")
    data_tests = [one for one in manifest["nodes"].values() if one["resource_type"] == "test"]
    assert len(manifest["unit_tests"]) > 0 and data_tests
    assert f"{len(data_tests)} data tests, {len(manifest['unit_tests'])} unit tests" in told, told[-3000:]
    assert "WARN=0 ERROR=0 SKIP=0" in told, told[-3000:]


def test_what_dbt_compiles_does_not_land_on_the_models_themselves(built: Built) -> None:
    model = dbt_project(built.settings) / "models/staging/one_stop/stg_one_stop__dossiers__versions.sql"
    assert "append_versions" in model.read_text(encoding="utf-8")
