"""One small running province for the tests that only read, with its clock standing still."""

from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest

from simulator import faults, server

NOW = datetime.fromisoformat("2026-11-23T14:20:00+07:00")
COMMUNES = 12
SCALE = 0.3


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Running]:
    home = tmp_path_factory.mktemp("province")
    running = server.start(home, NOW, seed=11, months=6, communes=COMMUNES, scale=SCALE, frozen=True)
    yield running
    running.stop()


@pytest.fixture
def client(running: server.Running) -> Iterator[httpx.Client]:
    """A client with a token; faults are off before and after."""
    faults.clear(running)
    with httpx.Client(base_url=running.env["ONE_STOP_URL"], trust_env=False, timeout=300) as client:
        client.headers["Authorization"] = f"Bearer {new_token(client, running)}"
        yield client
    faults.clear(running)


def new_token(client: httpx.Client, running: server.Running) -> str:
    answer = client.post(
        "/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_id": running.env["ONE_STOP_CLIENT_ID"],
            "client_secret": running.env["ONE_STOP_CLIENT_SECRET"],
        },
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
