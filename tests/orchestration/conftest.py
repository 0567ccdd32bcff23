"""An installation below a temporary folder, with the variables that its processes are given."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lake.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Empty; the process finds it through the environment, and the environment is as before afterwards."""
    before = dict(os.environ)
    home = tmp_path / "home"
    monkeypatch.setenv("KHO_HOME", str(home))
    monkeypatch.setenv("KHO_RETRY_SECONDS", "0.01")
    monkeypatch.setenv("HEALTH_DROP_FOLDER", str(tmp_path / "drop"))
    (tmp_path / "drop").mkdir()
    yield load_settings()
    os.environ.clear()
    os.environ.update(before)
