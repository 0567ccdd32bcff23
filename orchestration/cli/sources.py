"""The stand-in source systems of an installation, and the settings by which they are found."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lake.settings import Settings

if TYPE_CHECKING:
    from simulator.server import Running

OPTIONS = ("seed", "months", "scale", "communes")


def folder(settings: Settings) -> Path:
    """Where the stand-in systems keep their data."""
    return settings.home / "simulator"


def configured(settings: Settings) -> bool:
    """Whether a demo has set the stand-in systems up here."""
    return _options_file(settings).exists()


def start_sources(settings: Settings, options: Mapping[str, Any] | None = None) -> "Running":
    """Start them as they were set up (or with these options from now on) and write where they are to kho.env.

    Raises RuntimeError if they do not come up.
    """
    from simulator.server import start

    kept = _options_file(settings)
    chosen = dict(options) if options is not None else json.loads(kept.read_text())
    running = start(folder(settings), **{name: value for name, value in chosen.items() if value is not None})
    kept.write_text(json.dumps(chosen))
    write_env(settings.home / "kho.env", running.env)
    return running


def _options_file(settings: Settings) -> Path:
    return folder(settings) / "options.json"


def write_env(path: Path, env: Mapping[str, str]) -> None:
    """Set these in a file of NAME=value lines, readable by its owner alone; other lines stay."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in env]
    quoted = ["{}='{}'".format(name, value.replace("\\", "\\\\").replace("'", "\\'")) for name, value in env.items()]
    partial = path.with_name(f".{path.name}.partial")
    partial.touch(mode=0o600)
    partial.write_text("\n".join([*kept, *quoted]) + "\n", encoding="utf-8")
    partial.replace(path)
