"""Our dashboards as read, for an installation without anything."""

from pathlib import Path

import pytest

from lake.settings import Settings, load_settings
from superset_assets.bundle import Assets, placeholders, read_assets


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"KHO_HOME": str(tmp_path)})


@pytest.fixture
def assets(settings: Settings) -> Assets:
    return read_assets(placeholders(settings))
