"""One writer at a time: an operating-system lock that goes with its process, however that ends."""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from lake.settings import Settings

WAIT_SECONDS = 1800.0


class Busy(RuntimeError):
    """Another process holds the lock; the message says which."""


@dataclass
class _Held:
    file: TextIO
    count: int


_held: dict[str, _Held] = {}
_guard = threading.Lock()


@contextmanager
def writer_lock(
    settings: Settings,
    name: str = "warehouse",
    say: Callable[[str], None] | None = None,
    seconds: float | None = None,
) -> Iterator[None]:
    """Hold `$KHO_HOME/<name>.lock`; a process that holds it may take it again.

    say: told when another process has to be waited for. seconds: how long at most, KHO_LOCK_SECONDS or half an hour
    unless given. Raises Busy.
    """
    path = str(settings.home / f"{name}.lock")
    with _guard:
        held = _held.get(path)
        if held:
            held.count += 1
    if not held:
        file = _acquire(settings, path, say, seconds)
        with _guard:
            _held[path] = _Held(file, 1)
    try:
        yield
    finally:
        with _guard:
            mine = _held[path]
            mine.count -= 1
            if mine.count == 0:
                del _held[path]
                mine.file.close()


def _acquire(settings: Settings, path: str, say: Callable[[str], None] | None, seconds: float | None) -> TextIO:
    settings.home.mkdir(parents=True, exist_ok=True)
    file = Path(path).open("a+", encoding="utf-8")  # noqa: SIM115  held until the last holder leaves
    patience = seconds if seconds is not None else float(settings.env.get("KHO_LOCK_SECONDS", WAIT_SECONDS))
    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            if time.monotonic() > deadline:
                file.close()
                raise Busy(f"{holder} holds {path}; wait for it or end it, then run the command again") from None
            if say and not told:
                say(f"waiting for {holder}, which holds {path}")
                told = True
            time.sleep(0.2)
            continue
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}")
        file.flush()
        return file
