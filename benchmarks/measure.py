"""Wall seconds and peak memory of a command with all its children."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


def tree_memory(process: psutil.Process) -> int:
    """Bytes held by a process and its children; pages shared between them count once (PSS)."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def tree_cpu(process: psutil.Process) -> float:
    """Seconds of CPU that a process and its children took."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            spent = one.cpu_times()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        total += spent.user + spent.system
    return total


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> tuple[int, float, int]:
    """Run a command to its end; returns exit code, wall seconds and the peak of `tree_memory` in bytes."""
    started = time.perf_counter()
    child = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})})
    process = psutil.Process(child.pid)
    peak = 0
    while child.poll() is None:
        try:
            peak = max(peak, tree_memory(process))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.25)
    return child.wait(), time.perf_counter() - started, peak
