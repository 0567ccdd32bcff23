"""Long work with its progress on stderr, while the libraries' chatter goes to a log."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from lake.settings import Settings
from orchestration.progress import listen

Tell = Callable[[str], None]


@contextmanager
def watched(settings: Settings, name: str, debug: bool = False, since: float | None = None) -> Iterator[Tell]:
    """Show what is going on in one moving line, or line by line where stderr is no terminal.

    Everything else that is written meanwhile, also by child processes, goes to `$KHO_HOME/logs/<name>.log`
    (with debug to stderr). since: when the work began, by time.monotonic(); now unless given. Yields what tells a line
    that stays.
    """
    log = settings.home / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if debug:
        end = listen(lambda text: print(text, file=sys.stderr))
        try:
            yield lambda text: print(text, file=sys.stderr)
        finally:
            end()
        return
    logging.disable(logging.INFO)  # Dagster keeps its events all the same
    with _set_aside(log) as stderr, os.fdopen(stderr, "w", closefd=False) as stream:
        console = Console(file=stream, markup=False, highlight=False, emoji=False)
        started = time.monotonic() if since is None else since
        bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
        )
        with bar:
            task = bar.add_task("starting")
            begun, last = "", ""

            def line(text: str) -> None:
                console.print(f"{time.monotonic() - started:6.1f} s  {text}", soft_wrap=True)

            def progress(text: str) -> None:
                nonlocal begun, last
                bar.update(task, description=text)
                # where nothing moves, the first and the last word on each stage
                if not console.is_terminal:
                    if (begins := text.split(":")[0]) != begun:
                        if last:
                            line(last)
                        line(text)
                        begun, last = begins, ""
                    else:
                        last = text

            end = listen(progress)
            try:
                yield console.print
            finally:
                end()
                if last:
                    line(last)
                logging.disable(logging.NOTSET)


@contextmanager
def _set_aside(log: Path) -> Iterator[int]:
    """Send this process's stdout and stderr, and those of its children, to a file; yields the former stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield kept[1]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, former in enumerate(kept, 1):
            os.dup2(former, number)
            os.close(former)
        os.close(target)
