import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from orchestration.cli.services import RESTARTS, GivenUpError, Service, look_after

RUNS = "import time; print('runs', flush=True); time.sleep(600)"
LEAVES_ONE_BEHIND = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {RUNS!r}]); time.sleep(600)"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service("máy chủ", [], {}, tmp_path / "service.log", tmp_path)
    yield made
    made.stop()


def test_what_is_killed_is_started_again_and_leaves_nothing_behind(service: Service) -> None:
    service.command = [sys.executable, "-c", f"import time; {LEAVES_ONE_BEHIND}"]
    told: list[str] = []
    service.start()
    looks = look_after([service], told.append, first_wait=0.05)
    first = psutil.Process(service.process.pid)  # type: ignore[union-attr]
    while not (left := first.children()):
        next(looks)
    first.kill()
    while service.process.pid == first.pid:  # type: ignore[union-attr]
        next(looks)
    assert service.process.poll() is None  # type: ignore[union-attr]
    assert told[0].startswith("máy chủ was killed by SIGKILL; it is started again in 0.05 s; ")
    assert told[1:] == ["máy chủ is started again"]
    gone, alive = psutil.wait_procs(left, timeout=60)
    assert (len(gone), alive) == (1, [])


def test_what_ends_again_and_again_is_given_up_after_growing_waits(service: Service) -> None:
    service.command = [sys.executable, "-c", "raise SystemExit(3)"]
    told: list[str] = []
    service.start()
    with pytest.raises(
        GivenUpError, match=rf"ended by itself with code 3, for the {RESTARTS + 1}th time.*service\.log"
    ):
        for _ in look_after([service], told.append, first_wait=0.001):
            pass
    waits = [float(one.split(" in ")[1].split(" s;")[0]) for one in told if " in " in one]
    assert waits == [0.001 * 2**turn for turn in range(RESTARTS)]


def test_an_end_of_long_ago_does_not_count(service: Service) -> None:
    service.command = [sys.executable, "-c", "raise SystemExit(3)"]
    service.ended = [float("-inf")] * RESTARTS
    told: list[str] = []
    service.start()
    looks = look_after([service], told.append, first_wait=60)
    while not told:
        next(looks)
    assert len(service.ended) == 1
