"""Time and memory of a refresh after one new hour, on the demo's size.

Run: python -m benchmarks.hour
"""

import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.measure import run
from simulator.faults import set_clock
from simulator.server import start

REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    """A first nightly refresh as of an hour ago, then the hour."""
    kho = [sys.executable, "-m", "orchestration", "refresh"]
    with tempfile.TemporaryDirectory() as folder:
        sources = start(Path(folder) / "sources", now=datetime.now(UTC) - timedelta(hours=1), frozen=True)
        env = {**sources.env, "KHO_HOME": f"{folder}/home", "PYTHONPATH": str(REPOSITORY)}
        try:
            for label, mode in (("first, 24 months, with models", "--nightly"), ("one new hour", "--hourly")):
                code, seconds, peak = run([*kho, mode], cwd=REPOSITORY, env={**os.environ, **env})
                print(f"refresh, {label}: exit {code}, {seconds:.0f} s, peak memory {peak / 2**30:.2f} GiB", flush=True)
                set_clock(sources, None)
        finally:
            sources.stop()


if __name__ == "__main__":
    main()
