"""Starting, ending and starting again: same data, same secrets, nothing left running."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import polars as pl
import psutil
import pytest

from simulator import server
from simulator.__main__ import main
from tests.simulator.conftest import NOW
from tests.simulator.test_case_register import dossiers, read_cases

SMALL = {"seed": 5, "months": 2, "communes": 4, "scale": 0.2}


def processes_of(home: Path) -> list[psutil.Process]:
    """Processes whose command line names the home: the simulator's and its PostgreSQL's."""
    return [p for p in psutil.process_iter(["cmdline"]) if any(str(home) in part for part in p.info["cmdline"] or [])]


def test_killed_and_started_again_it_shows_the_same_and_leaves_nothing_behind(tmp_path: Path) -> None:
    first = server.start(tmp_path, NOW, frozen=True, **SMALL)  # type: ignore[arg-type]
    desk, cases = dossiers(first), read_cases(first)
    drop = Path(first.env["HEALTH_DROP_FOLDER"])
    files = {path.name: path.stat().st_mtime_ns for path in drop.iterdir()}
    with pytest.raises(RuntimeError, match="already run"):
        server.start(tmp_path)
    simulator = next(process for process in processes_of(tmp_path) if "simulator" in process.cmdline())
    os.kill(simulator.pid, signal.SIGKILL)  # PostgreSQL stays behind
    first.stop()
    second = server.start(tmp_path, NOW, frozen=True, **SMALL)  # type: ignore[arg-type]
    try:
        assert second.env == first.env
        assert dossiers(second) == desk
        assert read_cases(second).sort(pl.all()).equals(cases.sort(pl.all()))
        assert files == {path.name: path.stat().st_mtime_ns for path in drop.iterdir()}
        assert server.read_running(tmp_path).env == second.env
        assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
        assert second.env["ONE_STOP_CLIENT_SECRET"] not in (tmp_path / "simulator.log").read_text()
    finally:
        second.stop()
        second.stop()  # a second time does nothing
    assert not processes_of(tmp_path)
    with pytest.raises(FileNotFoundError):
        server.read_running(tmp_path)


@pytest.mark.parametrize("ending", ["ctrl-c", "caller is gone"])
def test_in_the_foreground_it_writes_the_settings_and_ends_cleanly(tmp_path: Path, ending: str) -> None:
    home, env_file = tmp_path / "home", tmp_path / "kho.env"
    env_file.write_text("KHO_PROVINCE=68\nONE_STOP_URL=http://old\n")
    command = [sys.executable, "-m", "simulator", "--home", str(home), "--months", "1", "--communes", "2"]
    command += ["--write-env", str(env_file)] + (["--with-parent"] if ending != "ctrl-c" else [])
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdin
    while "Sẵn sàng" not in process.stdout.readline():
        assert process.poll() is None
    settings = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
    assert settings["KHO_PROVINCE"] == "68" and settings["ONE_STOP_URL"].startswith("http://127.0.0.1:")
    if ending == "ctrl-c":
        process.send_signal(signal.SIGINT)
    else:
        process.stdin.close()
    assert process.wait(60) == 0
    assert not processes_of(home)


def test_wrong_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path), "--communes", "99999,1"]) == 2
    assert "99999" in capsys.readouterr().err
    assert main(["--home", str(tmp_path), "--now", "2026-11-23"]) == 2
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(RuntimeError, match=r"port .* is taken"):
        server.start(tmp_path, port=taken.getsockname()[1], **SMALL)  # type: ignore[arg-type]
    assert not processes_of(tmp_path)
