"""Processes that `kho up` serves with: started again when they end by themselves, given up when that does not help."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 180.0
LOOK_SECONDS = 0.5
FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0  # seconds before a start; each further one waits twice as long as the one before
RESTARTS = 8  # within so long a time, before a process is given up
RESTARTS_SECONDS = 3600.0


@dataclass
class Service:
    """A process of ours.

    inherited: the file descriptors that it takes over.
    ended: when it did so by itself, by time.monotonic(), as far as that still counts.
    """

    name: str
    command: list[str]
    env: dict[str, str]
    log: Path
    folder: Path
    inherited: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    ended: list[float] = field(default_factory=list)
    due: float | None = None

    def start(self) -> None:
        self.due = None
        with self.log.open("ab") as log:
            # a session of its own: Ctrl-C reaches us alone, and what it started ends with it
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=self.inherited,
            )

    def stop(self, seconds: float = 20) -> None:
        if self.process is None:
            return
        _signal(self.process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        _signal(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Raises RuntimeError if it ends before, or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start; the end of {self.log} tells why")
            time.sleep(0.2)


class GivenUpError(RuntimeError):
    """Starting a process again does not help; the message names it and its log."""


def look_after(services: list[Service], say: Callable[[str], None], first_wait: float = FIRST_WAIT) -> Iterator[None]:
    """Start again what ended by itself, after growing waits; yields after each look, so that others may look, too.

    first_wait: seconds. Raises GivenUpError.
    """
    while True:
        now = time.monotonic()
        for service in services:
            if service.due is None and service.process is not None and service.process.poll() is not None:
                say(_ended(service, now, first_wait))
            elif service.due is not None and now >= service.due:
                service.start()
                say(f"{service.name} is started again")
        yield
        time.sleep(min(LOOK_SECONDS, first_wait))


def _ended(service: Service, now: float, first_wait: float) -> str:
    """Note the end of a service and when it is due again; returns what to tell. Raises GivenUpError."""
    assert service.process is not None
    code = service.process.returncode
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended by itself with code {code}"
    service.stop()  # what it started and left behind
    service.ended = [*(one for one in service.ended if now - one < RESTARTS_SECONDS), now]
    if len(service.ended) > RESTARTS:
        raise GivenUpError(
            f"{service.name} {how}, for the {len(service.ended)}th time, and is given up; {service.log} tells why"
        )
    wait = min(first_wait * 2 ** (len(service.ended) - 1), LONGEST_WAIT)
    service.due = now + wait
    return f"{service.name} {how}; it is started again in {wait:g} s; {service.log} tells why"


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
