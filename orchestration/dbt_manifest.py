"""dbt's manifest, parsed again only when what it is made of has changed."""

import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lake.contract import Contract
from lake.settings import Settings
from lake.staging import write_staging_models
from models_ml.series_registry import read_series, series_file
from orchestration.installation import (
    DBT_PROJECT,
    dbt_project,
    dbt_target,
    empty_tables,
    environment,
    prepare_home,
)
from orchestration.nightly_series import write_registry
from orchestration.writer_lock import writer_lock


class ProjectError(ValueError):
    """dbt cannot read its project; the message is dbt's own."""


def dbt_command() -> str:
    """The dbt of this environment, whatever PATH says."""
    return str(Path(sys.executable).parent / "dbt")


def prepare_manifest(settings: Settings, contracts: dict[str, Contract]) -> Path:
    """Write the staging models of the contracts and make sure that the manifest fits; returns its path.

    Raises ProjectError, and SeriesError if the registry of series cannot be used.
    """
    prepare_home(settings)
    target = dbt_target(settings)
    manifest, fingerprint = target / "manifest.json", target / "inputs.sha256"
    with writer_lock(settings, "dbt/parse"):
        _copy_project(dbt_project(settings))
        write_staging_models(contracts, dbt_project(settings) / "models", empty_tables(settings))
        write_registry(read_series(series_file(settings.env)), empty_tables(settings))
        inputs = _fingerprint(settings)
        if manifest.exists() and fingerprint.exists() and fingerprint.read_text() == inputs:
            return manifest
        _parse(settings)
        fingerprint.write_text(inputs)
    return manifest


def _files(root: Path) -> list[Path]:
    """The files that dbt reads, in order."""
    found = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(path for path in found if path.relative_to(root).parts[0] not in ("target", "logs"))


def _copy_project(target: Path) -> None:
    """Make the copy equal to our project but for the staging models; what is equal already is not touched."""
    staging = target / "models" / "staging"
    wanted = {target / path.relative_to(DBT_PROJECT): path for path in _files(DBT_PROJECT)}
    for path in _files(target):
        if path not in wanted and staging not in path.parents:
            path.unlink()
    for path, source in wanted.items():
        if not path.exists() or path.read_bytes() != source.read_bytes():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}")
            partial.write_bytes(source.read_bytes())
            partial.replace(path)


def _fingerprint(settings: Settings) -> str:
    """Of all files that dbt parses, of its version and of where things are."""
    digest = hashlib.sha256(
        f"{version('dbt-core')} {version('dbt-duckdb')} {settings.home} {settings.province}".encode()
    )
    root = dbt_project(settings)
    for path in _files(root):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _parse(settings: Settings) -> None:
    command = [dbt_command(), "--no-use-colors", "parse", "--project-dir", str(dbt_project(settings))]
    command += ["--profiles-dir", str(dbt_project(settings)), "--log-path", str(dbt_target(settings))]
    ended = subprocess.run(
        command, env={**os.environ, **environment(settings)}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise ProjectError(f"dbt cannot read its project:\n{(ended.stdout + ended.stderr).strip()[-4000:]}")


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest as dbt wrote it."""
    manifest: dict[str, Any] = json.loads(path.read_bytes())
    return manifest


def tables_by_audience(manifest: dict[str, Any]) -> dict[str, dict[str, str]]:
    """audience -> name -> table, of the models whose `meta.audience` says who may see them."""
    found: dict[str, dict[str, str]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model":
            continue
        for audience in node["config"].get("meta", {}).get("audience") or []:
            found.setdefault(audience, {})[node["name"]] = node["alias"]
    return found
