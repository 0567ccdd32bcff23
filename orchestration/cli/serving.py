"""`kho up`: Dagster's web server and daemon in the foreground, with the stand-in sources where the demo is set up."""

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import click

from lake.settings import Settings
from orchestration.installation import REPOSITORY, environment, prepare_home


def serve(settings: Settings, port: int) -> int:
    """Run until Ctrl-C, SIGTERM or the end of a process; returns 0 after a clean end, 1 if one ended by itself."""
    prepare_home(settings)
    ended = fail_orphans()
    if ended:
        click.echo(f"{ended} runs that nobody works on any more were ended", err=True)
    chosen = port or _free_port()
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    workspace = str(REPOSITORY / "workspace.yaml")
    dagster = [sys.executable, "-m"]
    commands = {
        "dagster-webserver": [*dagster, "dagster_webserver", "-h", "127.0.0.1", "-p", str(chosen), "-w", workspace],
        "dagster-daemon": [*dagster, "dagster._daemon", "run", "-w", workspace],
    }
    running: Any = None
    processes: dict[str, subprocess.Popen[bytes]] = {}
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        if (settings.home / "simulator").exists():
            from simulator.server import start

            running = start(settings.home / "simulator")
        for name, command in commands.items():
            with (logs / f"{name}.log").open("ab") as log:
                processes[name] = subprocess.Popen(
                    command,
                    cwd=REPOSITORY,
                    env={**os.environ, **environment(settings), **(running.env if running else {})},
                    stdout=log,
                    stderr=log,
                )
        click.echo(f"Dagster: http://127.0.0.1:{chosen} (logs in {logs}); Ctrl-C ends all", err=True)
        while all(process.poll() is None for process in processes.values()):
            time.sleep(0.5)
        over = [name for name, process in processes.items() if process.poll() is not None]
        click.echo(f"{', '.join(over)} ended by itself; see {logs}", err=True)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        if running:
            running.stop()


def fail_orphans() -> int:
    """End runs that are still marked started although no process of this installation can be working on them."""
    import dagster as dg

    states = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
    with dg.DagsterInstance.get() as instance:
        orphans = instance.get_runs(dg.RunsFilter(statuses=states))
        for run in orphans:
            instance.report_run_failed(run, "the process that worked on this run is gone")
    return len(orphans)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
