"""Starting and stopping the Superset server in its own environment."""

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from lake.settings import TIME_ZONE, Settings, SettingsError
from superset_assets import metadata
from superset_assets.server.single_sign_on import sign_in_settings

SERVER = Path(__file__).parent / "server"
BIN = SERVER / ".venv" / "bin"
ADMINISTRATOR = "admin"
WORKERS, THREADS = 2, 8  # two processes answer more than twice what one does, and share the file of metadata well
BACKLOG = 128
START_SECONDS = 180
# of the environment; the last three name the certificates that a directory's is checked against
PASSED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "LDAPTLS_CACERT")


class SupersetError(RuntimeError):
    """Superset could not be set up or started; the message names the log that tells why."""


@dataclass(frozen=True)
class Running:
    """A Superset server that answers at `url`. Leaving the `with` block stops it."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self, patience: float = 20) -> None:
        """Stop the server and its workers."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def password_file(settings: Settings) -> Path:
    """Where the administrator's generated password is (mode 0600)."""
    return settings.home / "secrets" / "superset_admin_password"


def machine_password_file(settings: Settings, username: str) -> Path:
    """Where the password of an account of this machine is that a deployment made (mode 0600)."""
    return settings.home / "secrets" / "machine_passwords" / username


def address_told(settings: Settings) -> str | None:
    """The address of the server that `kho up` serves, None where it does not run."""
    told = settings.home / "up.json"
    found: str | None = json.loads(told.read_text()).get("Superset") if told.exists() else None
    return found


@dataclass(frozen=True)
class Launch:
    """How the server is started: what is run with which environment in which folder, and what it writes to.

    listener: the listening socket that the server inherits. A port that is looked up now and taken later could be
    another's by then, and that one's answers be taken for ours.
    """

    command: list[str]
    env: dict[str, str]
    folder: Path
    log: Path
    listener: socket.socket

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def prepare(settings: Settings, *ports: int) -> Launch:
    """Do the first-time set-up where it is missing, and tell how to start the server on 127.0.0.1.

    ports: the first that is free is taken; 0 is any free one. The caller closes the listener.
    Raises SettingsError, and SupersetError if the environment is not installed or no port is free.
    """
    try:
        sign_in_settings(settings.home, settings.env)
    except ValueError as problem:
        raise SettingsError(str(problem)) from problem
    set_up(settings)
    clear_cache(settings)  # what was remembered under another configuration
    listener = listening(*ports)
    folder = settings.home / "superset"
    command = [
        str(BIN / "python"), "-m", "gunicorn", "superset.app:create_app()",
        "--config", str(SERVER / "gunicorn_processes.py"),
        "--bind", f"fd://{listener.fileno()}",
        "--worker-class", "gthread",
        "--workers", str(workers(settings)),
        "--threads", str(THREADS),
        "--timeout", "120",
        "--graceful-timeout", "10",
        "--worker-tmp-dir", str(folder),
        "--log-level", "warning",
    ]  # fmt: skip
    return Launch(command, _environment(settings), folder, settings.home / "logs" / "superset.log", listener)


def workers(settings: Settings) -> int:
    """Processes that answer."""
    return int(settings.env.get("KHO_SUPERSET_WORKERS") or WORKERS)


def start(settings: Settings) -> Running:
    """Start the server on any free port; returns when it answers.

    Raises SettingsError, and SupersetError if the environment is not installed or the server does not come up.
    """
    launch = prepare(settings, 0)
    with launch.listener, launch.log.open("ab") as output:
        process = subprocess.Popen(
            launch.command, env=launch.env, cwd=launch.folder, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True, pass_fds=[launch.listener.fileno()],
        )  # fmt: skip
        running = Running(launch.url, process, launch.log)
    try:
        _wait_until_healthy(running)
    except BaseException:
        running.stop()
        raise
    return running


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """The address of a server of this installation: the one that `kho up` serves, or one started for the block."""
    if url := address_told(settings):
        yield url
        return
    with start(settings) as server:
        yield server.url


def set_up(settings: Settings) -> bool:
    """Make secrets, schema and the administrator unless they are there for this version; returns whether it ran.

    Raises SupersetError.
    """
    if not (BIN / "gunicorn").exists():
        raise SupersetError(f"the environment of Superset is not installed in {SERVER}: run `make superset`")
    folder, log = settings.home / "superset", settings.home / "logs" / "superset.log"
    for needed in (folder, log.parent):
        needed.mkdir(parents=True, exist_ok=True)
    with _alone(folder / ".set-up.lock"):
        try:
            there = metadata.accounts(settings) is not None
        except metadata.UnreachableError as problem:
            raise SupersetError(f"Superset's metadata: {problem}") from problem
        _secret_file(settings.home / "secrets" / "superset_secret_key", 42)
        password = _secret_file(password_file(settings), 18)
        # a new lock file, set-up, password or store asks for another run, and so does a store that was emptied
        stamps = [_stamp(SERVER / "uv.lock"), _stamp(SERVER / "set_up.py"), _stamp(password)]
        server = [metadata.place(settings)] if settings.env.get(metadata.SETTING) else []
        wanted = " ".join([*stamps, *server])
        done = folder / ".set-up"
        if there and done.exists() and done.read_text() == wanted:
            return False
        with log.open("ab") as output:
            finished = subprocess.run(
                [str(BIN / "python"), str(SERVER / "set_up.py")], env=_environment(settings), cwd=folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False,
            )  # fmt: skip
        if finished.returncode:
            raise SupersetError(f"the set-up of Superset failed; the end of {log} tells why")
        done.write_text(wanted)
    return True


def clear_cache(settings: Settings) -> int:
    """Remove all remembered answers; returns how many. To be called after a publication or a rollback.

    Answers are keyed by snapshot and never outlive it: this frees the disk and is safe while the server runs.
    """
    removed = 0
    for path in (settings.home / "superset" / "cache").glob("*"):
        path.unlink(missing_ok=True)
        removed += 1
    return removed


def _environment(settings: Settings) -> dict[str, str]:
    """What the server may know: its own settings, and no source's secret."""
    passed = {name: value for name, value in os.environ.items() if name in PASSED}
    passed |= {
        name: value
        for name, value in settings.env.items()
        if name.startswith(("KHO_SUPERSET_", "KHO_OIDC_", "KHO_LDAP_"))
    }
    return {
        **passed,
        "HOME": str(settings.home / "superset"),
        "KHO_HOME": str(settings.home),
        "SUPERSET_HOME": str(settings.home / "superset"),
        "SUPERSET_CONFIG_PATH": str(SERVER / "superset_config.py"),
        "PYTHONPATH": str(SERVER),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "TZ": str(TIME_ZONE),  # what a page calls today
        "FLASK_APP": "superset.app:create_app()",
    }


def _secret_file(path: Path, length: int) -> Path:
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(length))
    return path


def write_secret(path: Path, secret: str) -> None:
    """Write a file that its owner alone reads (mode 0600), whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
    partial.replace(path)


def _stamp(path: Path) -> str:
    found = path.stat()
    return f"{path.name}:{found.st_size}:{found.st_mtime_ns}"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def listening(*ports: int) -> socket.socket:
    """A socket that listens on the first of these ports of 127.0.0.1 that is free; 0 is any.

    Raises SupersetError if none is free.
    """
    for port in ports:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(BACKLOG)  # only then is it taken: two that were only bound may share a port
        except OSError:
            listener.close()
        else:
            return listener
    raise SupersetError(f"no port of 127.0.0.1 is free (tried {', '.join(map(str, ports))})")


def healthy(url: str) -> bool:
    """Whether a server answers there that it is well."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait_until_healthy(running: Running) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise SupersetError(f"Superset ended while starting; the end of {running.log} tells why")
        if healthy(running.url):
            return
        time.sleep(0.3)
    raise SupersetError(f"Superset did not answer within {START_SECONDS} s; see {running.log}")
