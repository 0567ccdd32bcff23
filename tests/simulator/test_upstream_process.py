"""Starting, ending and starting again: same data, same secrets, nothing left running."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
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


def test_a_restart_shows_the_same_and_nothing_stays_behind(tmp_path: Path) -> None:
    first = server.start(tmp_path, NOW, frozen=True, **SMALL)  # type: ignore[arg-type]
    desk, cases = dossiers(first), read_cases(first)
    files = {p.name: p.stat().st_mtime_ns for p in Path(first.env["HEALTH_DROP_FOLDER"]).iterdir()}
    assert processes_of(tmp_path)
    first.stop()
    assert not processes_of(tmp_path)
    with pytest.raises(httpx.ConnectError):
        dossiers(first)
    second = server.start(tmp_path, NOW, frozen=True, **SMALL)  # type: ignore[arg-type]
    try:
        assert second.env == first.env
        assert dossiers(second) == desk
        assert read_cases(second).sort("ma_ca_benh").equals(cases.sort("ma_ca_benh"))
        assert files == {p.name: p.stat().st_mtime_ns for p in Path(first.env["HEALTH_DROP_FOLDER"]).iterdir()}
        assert server.read_running(tmp_path).env == second.env
        assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
        secret = second.env["ONE_STOP_CLIENT_SECRET"]
        assert secret not in (tmp_path / "simulator.log").read_text()
    finally:
        second.stop()
        second.stop()  # a second time does nothing


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from simulator import server\n"
        "r = server.start(Path(sys.argv[1]), months=1, communes=2, scale=0.1)\n"
        "print('up', flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    caller = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert caller.stdout and caller.stdout.readline() == b"up\n"
    started = [p for p in processes_of(tmp_path) if p.pid != caller.pid]
    assert len(started) >= 2
    caller.kill()
    caller.wait()
    _, alive = psutil.wait_procs(started, timeout=60)
    assert not alive


def test_in_the_foreground_it_writes_the_settings_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    env_file = tmp_path / "kho.env"
    env_file.write_text("KHO_PROVINCE=68\nONE_STOP_URL=http://old\n")
    command = [sys.executable, "-m", "simulator", "--home", str(tmp_path / "s"), "--months", "1", "--communes", "2"]
    process = subprocess.Popen([*command, "--write-env", str(env_file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    while not process.stdout.readline().startswith("HEALTH_DROP_FOLDER="):
        assert process.poll() is None
    settings = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
    assert settings["KHO_PROVINCE"] == "68" and settings["ONE_STOP_URL"].startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert not processes_of(tmp_path / "s")


def test_a_killed_simulator_comes_back(tmp_path: Path) -> None:
    first = server.start(tmp_path, NOW, frozen=True, **SMALL)  # type: ignore[arg-type]
    count = len(read_cases(first))
    simulator = next(p for p in processes_of(tmp_path) if "simulator" in p.cmdline())
    os.kill(simulator.pid, signal.SIGKILL)  # PostgreSQL is left behind
    first.stop()
    second = server.start(tmp_path, NOW, frozen=True, **SMALL)  # type: ignore[arg-type]
    assert len(read_cases(second)) == count
    second.stop()
    assert not processes_of(tmp_path)


def test_wrong_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path), "--communes", "99999,1"]) == 2
    assert "99999" in capsys.readouterr().err
    assert main(["--home", str(tmp_path), "--now", "2026-11-23"]) == 2
    with pytest.raises(RuntimeError, match="99999"):
        server.start(tmp_path, communes=["99999"])
