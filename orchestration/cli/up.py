"""`kho up`: Dagster, Superset and, after a demo, the stand-in sources in the foreground."""

import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click

from lake.settings import Settings, SettingsError, load_settings
from orchestration.cli.services import GivenUpError, Service, look_after
from orchestration.cli.sources import configured, start_sources
from orchestration.installation import REPOSITORY, dagster_home, environment, prepare_home
from orchestration.writer_lock import writer_lock
from superset_assets.launch import SupersetError, healthy, listening, password_file, prepare
from superset_assets.server.single_sign_on import by_directory

DAGSTER_PORT, SUPERSET_PORT = 3000, 8088
ORPHAN_SECONDS = 60.0


@click.command("up")
@click.option("--port", type=int, help=f"of Dagster; {DAGSTER_PORT} if free, else any")
@click.option("--superset-port", type=int, help=f"of Superset; {SUPERSET_PORT} if free, else any")
@click.option("--superset/--no-superset", default=True, help="Dagster alone")
@click.pass_obj
def command(debug: bool, port: int | None, superset_port: int | None, superset: bool) -> None:
    """Dagster, Superset and (after a demo) the stand-in sources, until Ctrl-C."""
    sys.exit(serve(load_settings(), port, superset_port, superset))


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
            services = list(_dagster(settings, port or _free(DAGSTER_PORT, 0), stack))
            _tell_other_port("Dagster", port or DAGSTER_PORT, int(services[-1].command[-1]))
            urls = {"Dagster": f"http://127.0.0.1:{services[-1].command[-1]}"}
            if superset:
                server, urls["Superset"] = _superset(settings, superset_port, stack)
                services.append(server)
            for name, url in urls.items():
                say(f"{name}: {url}")
            say(f"logs: {settings.home / 'logs'}; Ctrl-C ends all")
            stack.callback(say, "ending all of it")
            with _told(settings, urls):
                return _watch(settings, services)
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
    code_port = _free(0)
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
        service = Service(name, line, {**os.environ, **environment(settings)}, log, REPOSITORY)
        service.start()
        stack.callback(service.stop)
        if name == "dagster-code":
            service.wait_until(lambda: _listens(code_port))
        if name == "dagster-webserver":
            service.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/server_info"))
        yield service


def _expect_free(ports: dict[str, int | None]) -> None:
    """Raises SettingsError for a port that was asked for and is taken, before anything is started."""
    for option, port in ports.items():
        if not port:
            continue
        try:
            _free(port)
        except SupersetError as taken:
            raise SettingsError(
                f"{option} {port} is taken by another program; choose another or leave it out"
            ) from taken


def _free(*ports: int) -> int:
    """The first of these that is free."""
    with listening(*ports) as probe:
        return int(probe.getsockname()[1])


def _tell_other_port(name: str, usual: int, taken: int) -> None:
    if taken != usual:
        say(f"port {usual} is taken by another program: {name} listens on {taken}")


def _superset(settings: Settings, port: int | None, stack: ExitStack) -> tuple[Service, str]:
    """The server when it answers, and its address with what one needs to sign in."""
    say("starting Superset")
    launch = prepare(settings, *([port] if port else [SUPERSET_PORT, 0]))
    stack.callback(launch.listener.close)  # kept until the end: a server that is started again takes it over, too
    inherited = (launch.listener.fileno(),)
    service = Service("superset", launch.command, launch.env, launch.log, launch.folder, inherited)
    service.start()
    stack.callback(service.stop)
    service.wait_until(lambda: healthy(launch.url))
    _tell_other_port("Superset", port or SUPERSET_PORT, launch.port)
    if by_directory(settings.env):
        return service, f"{launch.url} (sign in by the province's directory)"
    return service, f"{launch.url} (user admin, password in {password_file(settings)})"


@contextmanager
def _told(settings: Settings, urls: dict[str, str]) -> Iterator[None]:
    """While we run, other commands find the servers in `$KHO_HOME/up.json`."""
    path = settings.home / "up.json"
    path.write_text(json.dumps({name: url.split(" ")[0] for name, url in urls.items()}))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _watch(settings: Settings, services: list[Service]) -> int:
    """Start again what ends by itself, end runs whose process is gone; returns 1 when starting again does not help."""
    looked = time.monotonic()
    try:
        for _ in look_after(services, say):
            if time.monotonic() - looked > ORPHAN_SECONDS:
                end_orphaned_runs()
                looked = time.monotonic()
    except GivenUpError as given_up:
        say(f"kho up ends: {given_up}")
        _tell_given_up(settings, str(given_up))
    return 1


def _tell_given_up(settings: Settings, text: str) -> None:
    """Tell whoever is told of failed runs: from now on nobody tells them of those."""
    from orchestration.defs.alerts import tell

    try:
        ways = tell(settings, "Kho Tỉnh: máy chủ đã dừng", f"Không giữ chạy được: {text}", {"job": "up"})
    except Exception as problem:  # of the mail server's and the network's making, and the end is to come all the same
        say(f"nobody could be told: {problem}")
    else:
        say(f"told by {', '.join(ways)}" if ways else "nobody is told: set KHO_ALERT_WEBHOOK or KHO_ALERT_EMAIL")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
