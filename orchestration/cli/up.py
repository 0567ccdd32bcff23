"""`kho up`: Dagster, Superset and, after a demo, the stand-in sources in the foreground."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from lake.settings import Settings, SettingsError, load_settings
from orchestration.cli.sources import configured, start_sources
from orchestration.installation import REPOSITORY, dagster_home, environment, prepare_home
from orchestration.writer_lock import writer_lock
from superset_assets.launch import USUAL_PORT, free_port, password_file, start
from superset_assets.server.single_sign_on import by_directory

DAGSTER_PORT = 3000
START_SECONDS = 180.0
RESTART_SECONDS = 5.0
ORPHAN_SECONDS = 60.0
RESTARTS = 10  # of one process, before it is given up


@click.command("up")
@click.option("--port", type=int, help=f"of Dagster; {DAGSTER_PORT} if free, else any")
@click.option("--superset-port", type=int, help="of Superset; 8088 if free, else any")
@click.option("--superset/--no-superset", default=True, help="Dagster alone")
@click.pass_obj
def command(debug: bool, port: int | None, superset_port: int | None, superset: bool) -> None:
    """Dagster, Superset and (after a demo) the stand-in sources, until Ctrl-C."""
    sys.exit(serve(load_settings(), port, superset_port, superset))


@dataclass
class Service:
    """A process of ours that is started again when it ends by itself."""

    name: str
    command: list[str]
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    ended: list[float] = field(default_factory=list)

    def start(self) -> None:
        with self.log.open("ab") as log:
            # a session of its own: Ctrl-C reaches us alone, and what it started ends with it
            self.process = subprocess.Popen(
                self.command,
                cwd=REPOSITORY,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, seconds: float = 20) -> None:
        if self.process is None:
            return
        _signal(self.process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        _signal(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def serve(settings: Settings, port: int | None, superset_port: int | None, superset: bool) -> int:
    """Run until Ctrl-C or SIGTERM; returns 0 after a clean end, 1 if a process cannot be kept up.

    Raises SettingsError, SupersetError, and Busy if `kho up` runs already.
    """
    prepare_home(settings)
    for number in (signal.SIGINT, signal.SIGTERM):  # also where the shell that started us ignores Ctrl-C
        signal.signal(number, _interrupt)
    try:
        with writer_lock(settings, "up", seconds=0), ExitStack() as stack:
            _expect_free({"--port": port, "--superset-port": superset_port})
            end_orphaned_runs(also_starting=True)
            if configured(settings):
                say("starting the stand-in source systems")
                stack.callback(start_sources(settings).stop)
            services = list(_dagster(settings, port or free_port(DAGSTER_PORT), stack))
            _tell_other_port("Dagster", port or DAGSTER_PORT, int(services[-1].command[-1]))
            urls = {"Dagster": f"http://127.0.0.1:{services[-1].command[-1]}"}
            if superset:
                urls |= _superset(settings, superset_port, stack)
            for name, url in urls.items():
                say(f"{name}: {url}")
            say(f"logs: {settings.home / 'logs'}; Ctrl-C ends all")
            stack.callback(say, "ending all of it")
            with _told(settings, urls):
                return _watch(services)
    except KeyboardInterrupt:
        return 0


def say(text: str) -> None:
    click.echo(text, err=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def end_orphaned_runs(also_starting: bool = False) -> None:
    """Mark as failed what is marked as running though its process is gone: it would hold up the next for ever."""
    import dagster as dg

    from orchestration.runs import end_orphans

    with dg.DagsterInstance.get() as instance:
        for name in end_orphans(instance, also_starting):
            say(f"marked as failed, nobody works on it any more: {name}")


def _dagster(settings: Settings, port: int, stack: ExitStack) -> Iterator[Service]:
    """One code server for both the web server and the daemon: definitions are loaded once."""
    code_port = free_port(0)
    workspace = dagster_home(settings) / "workspace.yaml"
    workspace.write_text(
        f"load_from:\n  - grpc_server:\n      host: 127.0.0.1\n      port: {code_port}\n      location_name: kho_tinh\n"
    )
    module = ["-m", "orchestration.definitions", "-a", "defs"]
    dagster, place = [sys.executable, "-m", "dagster"], ["-w", str(workspace)]
    commands = {
        "dagster-code": [
            *dagster, "code-server", "start", *module, "--location-name", "kho_tinh",
            "--use-python-environment-entry-point", "-h", "127.0.0.1", "-p", str(code_port),
        ],
        "dagster-daemon": [sys.executable, "-m", "dagster._daemon", "run", *place],
        "dagster-webserver": [
            sys.executable, "-m", "dagster_webserver", *place, "-h", "127.0.0.1", "-p", str(port),
        ],
    }  # fmt: skip
    say("starting Dagster")
    for name, line in commands.items():
        log = settings.home / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        service = Service(name, line, {**os.environ, **environment(settings)}, log)
        service.start()
        stack.callback(service.stop)
        if name == "dagster-code":
            _wait(service, lambda: _listens(code_port))
        if name == "dagster-webserver":
            _wait(service, lambda: _answers(f"http://127.0.0.1:{port}/server_info"))
        yield service


def _expect_free(ports: dict[str, int | None]) -> None:
    """Raises SettingsError for a port that was asked for and is taken, before anything is started."""
    for option, port in ports.items():
        if port and free_port(port) != port:
            raise SettingsError(f"{option} {port} is taken by another program; choose another or leave it out")


def _tell_other_port(name: str, usual: int, taken: int) -> None:
    if taken != usual:
        say(f"port {usual} is taken by another program: {name} listens on {taken}")


def _superset(settings: Settings, port: int | None, stack: ExitStack) -> dict[str, str]:
    say("starting Superset")
    server = stack.enter_context(start(settings, port))
    _tell_other_port("Superset", port or int(settings.env.get("KHO_SUPERSET_PORT") or USUAL_PORT), server.port)
    if by_directory(settings.env):
        return {"Superset": f"{server.url} (sign in by the province's directory)"}
    return {"Superset": f"{server.url} (user admin, password in {password_file(settings)})"}


@contextmanager
def _told(settings: Settings, urls: dict[str, str]) -> Iterator[None]:
    """While we run, other commands find the servers in `$KHO_HOME/up.json`."""
    path = settings.home / "up.json"
    path.write_text(json.dumps({name: url.split(" ")[0] for name, url in urls.items()}))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _watch(services: list[Service]) -> int:
    """Start again what ends by itself, end runs whose process is gone; returns 1 when starting again does not help."""
    looked = time.monotonic()
    while True:
        time.sleep(0.5)
        if time.monotonic() - looked > ORPHAN_SECONDS:
            end_orphaned_runs()
            looked = time.monotonic()
        for service in services:
            if service.process is None or service.process.poll() is None:
                continue
            service.ended.append(time.monotonic())
            if len(service.ended) > RESTARTS:
                say(f"{service.name} ended {len(service.ended)} times; {service.log} tells why")
                return 1
            say(f"{service.name} ended by itself and is started again; {service.log} tells why")
            service.stop()
            time.sleep(RESTART_SECONDS)
            service.start()


def _wait(service: Service, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if service.process is None or service.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{service.name} did not start; the end of {service.log} tells why")
        time.sleep(0.2)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
