"""The stand-in's AI platform, for the tests of models that run elsewhere."""

from collections.abc import Iterator

import pytest

from models_ml import remote
from simulator.server import Running, start


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("platform"), months=1, communes=2, scale=0.1)
    yield running
    running.stop()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(remote._post.retry, "sleep", lambda seconds: None)  # type: ignore[attr-defined]
