"""The sources and an installation that has been refreshed once, shared; each test works on a copy of it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator.server import Running, start
from tests.conftest import made_once
from tests.e2e.installation import Installation
from tests.e2e.served_demo import Province, make_demo, served


@pytest.fixture(scope="session")
def small_sources(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Few rows and four months: for what is about behaviour, not about figures."""
    running = start(tmp_path_factory.mktemp("small-sources"), scale=0.1, months=4)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def refreshed(small_sources: Running, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation after its first hourly refresh. Not to be written: copy it."""

    def refresh(folder: Path) -> None:
        first = Installation(folder / "home", small_sources).kho("refresh", "--hourly")
        assert first.returncode == 0, first.stderr[-3000:]

    return Installation(made_once(tmp_path_factory, "refreshed", refresh) / "home", small_sources)


@pytest.fixture(scope="session")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    """A demo that is served, each worker's by itself. Not to be changed."""
    home = tmp_path_factory.mktemp("province") / "home"
    shutil.copytree(made_once(tmp_path_factory, "demo", make_demo) / "home", home, symlinks=True)
    with served(home) as there:
        yield there


@pytest.fixture
def installation(refreshed: Installation, tmp_path: Path) -> Installation:
    """A copy of the refreshed installation."""
    return copy_of(refreshed)(tmp_path / "home")


def copy_of(original: Installation) -> Callable[[Path], Installation]:
    """Copies an installation to a folder."""

    def copy(home: Path) -> Installation:
        shutil.copytree(original.home, home, symlinks=True)
        return Installation(home, original.sources, original.months, original.env, original.code)

    return copy
