"""The process of the stand-in systems: web services, database, drop folder, and a clock."""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import adbc_driver_manager
import uvicorn
from starlette.applications import Starlette

from simulator.admin import create_admin
from simulator.ai_platform import MODEL, Platform, create_platform
from simulator.ai_platform import TABLE as AI_PLATFORM
from simulator.assignments import TABLE as DRAFTS
from simulator.assignments import create_assignments
from simulator.case_register import CaseTable
from simulator.clock import Clock
from simulator.database import Database, Table
from simulator.drafts import Drafts, TaskTable
from simulator.drop_folder import publish_populations, publish_reports
from simulator.field_reports import open_reports
from simulator.file_sources import file_settings, publish_files
from simulator.odk_central import PROJECT, Central, create_central
from simulator.odk_central import TABLES as FORMS
from simulator.province import PROVINCE_CODE, PROVINCE_NAME, read_communes
from simulator.rest_gateway import Gateway, create_app
from simulator.sensors import open_observations
from simulator.sensorthings import ENTITY_SETS, ROOT, Service, create_sensors
from simulator.server import RUNNING_FILE
from simulator.shown_tables import shown_tables
from simulator.stations import build_network
from simulator.tables import DATABASE_SETTINGS, TABLES
from simulator.world import open_world

_TICK_SECONDS = 2.0


@dataclass(frozen=True)
class Options:
    """What to simulate. now: aware, None for the machine's time. port: of the gateway, 0 for any free one."""

    home: Path
    now: datetime | None = None
    frozen: bool = False
    seed: int = 7
    months: int = 24
    communes: int | list[str] | None = None
    scale: float = 1.0
    port: int = 0
    write_env: Path | None = None


async def serve(options: Options, with_parent: bool, say: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM (or, with_parent, the end of standard input); everything is stopped on return.

    say: told in Vietnamese what happens. Raises ValueError for options that make no sense.
    """
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    if with_parent:
        await loop.connect_read_pipe(lambda: _EndWithParent(end), sys.stdin)
    home = options.home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        await _serve(options, home, end, with_parent, say)


async def _serve(
    options: Options, home: Path, end: asyncio.Event, with_parent: bool, say: Callable[[str], None]
) -> None:
    clock = Clock(options.now, options.frozen)
    say("Đang tạo dữ liệu mô phỏng…")
    world = await asyncio.to_thread(
        open_world, home, clock.now(), options.seed, options.months, options.communes, options.scale
    )
    kept = _kept_secrets(home)
    gateway = Gateway(home, clock, world.dossiers, world.tables, "kho-tinh", kept["client_secret"])
    drop = home / "drop"
    units = read_communes(options.communes)
    network = build_network(units, options.scale)
    made = await asyncio.to_thread(open_observations, home, world.fingerprint, network, world.start, options.seed)
    stations = Service(gateway, network, made)
    sent = await asyncio.to_thread(
        open_reports, home, world.fingerprint, units, world.start, options.seed, options.scale
    )
    central = Central(gateway, sent, "kho-tinh@lamdong.example.vn", gateway.client_secret)
    (home / "extra").mkdir(exist_ok=True)
    names = dict(zip(units["code"], units["name"], strict=True))
    platform = Platform(gateway, kept["ai_platform_key"], home / "ai_platform_received.jsonl")
    drafts = Drafts(home / "assignments", {**names, PROVINCE_CODE: PROVINCE_NAME})
    registers = shown_tables(world.tables)
    departments: list[Table] = [
        CaseTable(world.cases),
        *(TaskTable(one, drafts) if one.table is TABLES["tasks"] else one for one in registers),
    ]
    database = await asyncio.to_thread(Database, home / "postgres", world.fingerprint, departments)

    # a clock that is set ticks beside the regular one: the same files would be written twice
    ticking = threading.Lock()

    def tick() -> None:
        with ticking:
            now = clock.now()
            database.show(now)
            publish_reports(drop, world.months, world.start, options.seed, now)
            publish_populations(drop, units, world.start.year, now)
            publish_files(home, units, world.start, options.seed, options.scale, now)
            gateway.result_sets.drop_idle()
            stations.result_sets.drop_idle()

    try:
        await asyncio.to_thread(tick)
        port = options.port or _free_port(int(kept["port"]))
        door = _Listener(create_app(gateway), port)
        await door.listen(True)
        sensors = _Listener(create_sensors(stations), _free_port(int(kept.get("sensors_port", "0"))))
        await sensors.listen(True)
        field_app = _Listener(create_central(central), _free_port(int(kept.get("field_port", "0"))))
        await field_app.listen(True)
        assignments = _Listener(create_assignments(gateway, drafts), _free_port(int(kept.get("assignments_port", "0"))))
        await assignments.listen(True)
        ai_platform = _Listener(create_platform(platform), _free_port(int(kept.get("ai_platform_port", "0"))))
        await ai_platform.listen(True)

        async def listen(on: bool, table: str | None) -> None:
            if on or table not in (*ENTITY_SETS, *FORMS, DRAFTS, AI_PLATFORM):
                await door.listen(on)
            if on or table in (None, *ENTITY_SETS):
                await sensors.listen(on)
            if on or table in (None, *FORMS):
                await field_app.listen(on)
            if on or table in (None, DRAFTS):
                await assignments.listen(on)
            if on or table in (None, AI_PLATFORM):
                await ai_platform.listen(on)

        admin_app = create_admin(gateway, database, drafts, kept["admin_token"], listen, tick)
        operator = _Listener(admin_app, _free_port(0))
        await operator.listen(True)
        ports = {"port": door.port, "sensors_port": sensors.port, "field_port": field_app.port}
        ports |= {"assignments_port": assignments.port, "ai_platform_port": ai_platform.port}
        _write_private(home / "secrets.json", {**kept, **{name: str(port) for name, port in ports.items()}})
        env = {
            "ONE_STOP_URL": f"http://127.0.0.1:{door.port}",
            "ONE_STOP_CLIENT_ID": gateway.client_id,
            "ONE_STOP_CLIENT_SECRET": gateway.client_secret,
            "SENSORS_URL": f"http://127.0.0.1:{sensors.port}{ROOT}",
            "SENSORS_TOKEN_URL": f"http://127.0.0.1:{sensors.port}/oauth2/token",
            "SENSORS_CLIENT_ID": gateway.client_id,
            "SENSORS_CLIENT_SECRET": gateway.client_secret,
            "NATIONAL_GATEWAY_URL": f"http://127.0.0.1:{door.port}",
            "NATIONAL_GATEWAY_CLIENT_ID": gateway.client_id,
            "NATIONAL_GATEWAY_CLIENT_SECRET": gateway.client_secret,
            "HEALTH_DATABASE_URI": database.uri("public.ca_benh"),
            **{setting: database.uri(place) for setting, place in DATABASE_SETTINGS.items()},
            "FIELD_APP_URL": f"http://127.0.0.1:{field_app.port}",
            "FIELD_APP_EMAIL": central.email,
            "FIELD_APP_PASSWORD": central.password,
            "FIELD_APP_PROJECT": PROJECT,
            "HEALTH_DROP_FOLDER": str(drop),
            "ASSIGNMENT_URL": f"http://127.0.0.1:{assignments.port}",
            "ASSIGNMENT_CLIENT_ID": gateway.client_id,
            "ASSIGNMENT_CLIENT_SECRET": gateway.client_secret,
            "AI_PLATFORM_URL": f"http://127.0.0.1:{ai_platform.port}",
            "AI_PLATFORM_MODEL": MODEL,
            "AI_PLATFORM_KEY": platform.key,
            **file_settings(home),
        }
        admin = {"url": f"http://127.0.0.1:{operator.port}", "token": kept["admin_token"]}
        _write_private(home / RUNNING_FILE, {"pid": os.getpid(), "env": env, "admin": admin})
        if options.write_env is not None:
            _merge_env(options.write_env, env)
        say("Sẵn sàng.")
        if not with_parent:  # then nobody keeps what is said: secrets stay out of logs
            say("\n".join(f"{name}={value}" for name, value in env.items()))
        while not end.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(end.wait(), _TICK_SECONDS)
            if not end.is_set():
                try:
                    await asyncio.to_thread(tick)
                except (adbc_driver_manager.Error, OSError) as error:  # the database was killed, the folder is gone
                    say(f"Chưa cập nhật được nguồn: {error}")
        await listen(False, None)
        await operator.listen(False)
    finally:
        (home / RUNNING_FILE).unlink(missing_ok=True)
        await asyncio.to_thread(database.stop)


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the home for this process; the lock goes with it, however it ends. Raises ValueError if it is held."""
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"the systems already run on {home}; stop them first or take another --home") from None
        (home / RUNNING_FILE).unlink(missing_ok=True)  # of one that was killed
        yield


class _EndWithParent(asyncio.Protocol):
    """Ends this process when the one that started it is gone, however it went."""

    def __init__(self, end: asyncio.Event) -> None:
        self._end = end

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.set()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals end the whole process in order, not one server


class _Listener:
    """A web application on a port that can be closed and opened again."""

    def __init__(self, app: Starlette, port: int) -> None:
        self._app = app
        self.port = port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def listen(self, on: bool) -> None:
        if on and self._server is None:
            bound = _bind(self.port)
            config = uvicorn.Config(
                self._app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1
            )
            self._server = _Server(config)
            self._task = asyncio.create_task(self._server.serve([bound]))
            while not self._server.started:
                await asyncio.sleep(0.01)
        elif not on and self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
            self._server = self._task = None


def _bind(port: int) -> socket.socket:
    """A listening address on loopback. Raises ValueError if the port is taken."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise ValueError(f"port {port} is taken: choose another one with --port") from None
    return bound


def _free_port(wanted: int) -> int:
    """The wanted port if it is free, else any free one."""
    try:
        with _bind(wanted) as bound:
            return int(bound.getsockname()[1])
    except ValueError:
        return _free_port(0)


def _kept_secrets(home: Path) -> dict[str, str]:
    path = home / "secrets.json"
    kept = dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {"port": "0"}
    return {name: secrets.token_urlsafe(24) for name in ("client_secret", "admin_token", "ai_platform_key")} | kept


def _merge_env(path: Path, env: dict[str, str]) -> None:
    """Set these settings in a file of NAME=value lines and leave its other lines alone."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in env]
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_text_private(path, "\n".join([*kept, *(f"{name}={value}" for name, value in env.items())]) + "\n")


def _write_private(path: Path, content: object) -> None:
    _write_text_private(path, json.dumps(content))


def _write_text_private(path: Path, text: str) -> None:
    half = path.with_name(f"{path.name}.tmp")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    half.replace(path)
