"""Starting the stand-in upstream systems from Python; they run in a process of their own (`simulator.process`)."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

RUNNING_FILE = "running.json"  # there while the systems run: their addresses and secrets
_START_SECONDS = 180.0


@dataclass(frozen=True)
class Admin:
    """Address and token of the operator's interface, see `simulator.faults`."""

    url: str
    token: str


@dataclass(frozen=True)
class Running:
    """The running stand-in systems. env: the settings by which `kho` finds them."""

    home: Path
    env: dict[str, str]
    admin: Admin
    stop: Callable[[], None]


def start(
    home: Path,
    now: datetime | None = None,
    seed: int = 7,
    months: int = 24,
    communes: int | list[str] | None = None,
    scale: float = 1.0,
    frozen: bool = False,
    port: int = 0,
) -> Running:
    """Start the systems in a process of their own and wait until they answer.

    home: the simulator's folder; started again on it, data, secrets and (where free) ports are the same.
    now: the time it is there (aware), None for the machine's; it runs on from there unless frozen.
    communes: a number of communes or their codes, None for all 124. scale: share of the usual number of rows.
    The process ends with stop(), and with the caller's process. Raises RuntimeError if it does not come up.
    """
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "simulator", "--home", str(home), "--port", str(port), "--seed", str(seed)]
    command += ["--months", str(months), "--scale", str(scale), "--with-parent"]
    command += ["--now", now.isoformat()] if now else []
    command += ["--frozen"] if frozen else []
    if communes is not None:
        command += ["--communes", str(communes) if isinstance(communes, int) else ",".join(communes)]
    root = str(Path(__file__).parent.parent)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    log = home / "simulator.log"
    with log.open("wb") as output:
        # A session of its own: Ctrl-C in the terminal reaches the caller alone, who then stops this one.
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environ, start_new_session=True
        )

    def stop() -> None:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdin:
            process.stdin.close()

    deadline = time.monotonic() + _START_SECONDS
    while _told(home).get("pid") != process.pid:
        if process.poll() is not None or time.monotonic() > deadline:
            stop()
            raise RuntimeError(f"the stand-in systems did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    return read_running(home, stop)


def read_running(home: Path, stop: Callable[[], None] = lambda: None) -> Running:
    """The systems that run on a home, started by another process. Raises FileNotFoundError if none do."""
    told = _told(home)
    if not told:
        raise FileNotFoundError(f"no stand-in systems run on {home}: start them with `kho simulate`")
    return Running(home, told["env"], Admin(**told["admin"]), stop)


def _told(home: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((home / RUNNING_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
