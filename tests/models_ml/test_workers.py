"""Workers use one thread each and do not outlive their parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from models_ml import workers
from models_ml.workers import worker_pool

PARENT = """
import os, time
from models_ml.workers import worker_pool
if __name__ == "__main__":
    with worker_pool(2) as pool:
        jobs = [pool.submit(time.sleep, 0.2) for _ in range(2)]
        [job.result() for job in jobs]
        print("ready", flush=True)
        time.sleep(600)
"""


def test_linear_algebra_has_one_thread_a_worker_and_the_caller_keeps_its_own() -> None:
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    with worker_pool(1) as pool:
        assert pool.submit(os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"
    assert os.environ.get("OPENBLAS_NUM_THREADS") == before


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = str(Path(workers.__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    )
    assert parent.stdout is not None and parent.stdout.readline() == b"ready\n"
    children = psutil.Process(parent.pid).children(recursive=True)
    assert len(children) >= 2
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=300)
    assert not alive
