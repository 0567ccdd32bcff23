import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lake.settings import Settings
from orchestration.writer_lock import Busy, writer_lock

REPOSITORY = Path(__file__).parents[2]
HOLD = """
import sys, time
from lake.settings import load_settings
from orchestration.writer_lock import writer_lock
with writer_lock(load_settings()):
    print("held", flush=True)
    time.sleep(60)
"""


def test_its_holder_may_take_it_again_and_it_is_free_afterwards(settings: Settings) -> None:
    with writer_lock(settings), writer_lock(settings):
        pass
    with writer_lock(settings, seconds=0):
        pass


def test_another_process_is_refused_until_the_holder_is_killed(settings: Settings) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    holder = subprocess.Popen([sys.executable, "-c", HOLD], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Busy, match=f"process {holder.pid} holds"), writer_lock(settings, seconds=0):
            pass
        told: list[str] = []
        holder.send_signal(signal.SIGKILL)
        with writer_lock(settings, say=told.append, seconds=30):
            time.sleep(0)
    finally:
        holder.kill()
        holder.wait()
