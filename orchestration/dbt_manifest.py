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
from orchestration.installation import (
    DBT_PROJECT,
    dbt_target,
    empty_tables,
    environment,
    generated_models,
    prepare_home,
)
from orchestration.writer_lock import writer_lock


class ProjectError(ValueError):
    """dbt cannot read its project; the message is dbt's own."""


def dbt_command() -> str:
    """The dbt of this environment, whatever PATH says."""
    return str(Path(sys.executable).parent / "dbt")


def prepare_manifest(settings: Settings, contracts: dict[str, Contract]) -> Path:
    """Write the staging models of the contracts and make sure that the manifest fits; returns its path.

    Raises ProjectError.
    """
    prepare_home(settings)
    target = dbt_target(settings)
    manifest, fingerprint = target / "manifest.json", target / "inputs.sha256"
    with writer_lock(settings, "dbt/parse"):
        write_staging_models(contracts, generated_models(settings), empty_tables(settings))
        inputs = _fingerprint(settings)
        if manifest.exists() and fingerprint.exists() and fingerprint.read_text() == inputs:
            return manifest
        _parse(settings)
        fingerprint.write_text(inputs)
    return manifest


def _fingerprint(settings: Settings) -> str:
    """Of all files that dbt parses, of its version and of where things are."""
    digest = hashlib.sha256(
        f"{version('dbt-core')} {version('dbt-duckdb')} {settings.home} {settings.province}".encode()
    )
    for root in (DBT_PROJECT, generated_models(settings)):
        for path in sorted(root.rglob("*")):
            parts = path.relative_to(root).parts
            if path.is_file() and parts[0] not in ("target", "logs") and not path.name.startswith("."):
                digest.update(f"{path}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _parse(settings: Settings) -> None:
    command = [dbt_command(), "--no-use-colors", "parse", "--project-dir", str(DBT_PROJECT)]
    command += ["--profiles-dir", str(DBT_PROJECT), "--log-path", str(dbt_target(settings))]
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
