"""An hourly refresh with one new hour on a long history beside the same on one month: what grows with the history.

Run: python -m benchmarks.hourly_refresh [MONTHS] [COMMUNES]   (36 months and all communes unless told otherwise)
"""

import os
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.measure import run
from simulator.faults import set_clock
from simulator.server import start

REPOSITORY = Path(__file__).parents[1]
HOURS = 3  # refreshes that are timed, an hour of data each


def hourly(months: int, communes: int | None) -> tuple[float, float]:
    """Median wall seconds of the refreshes after the first one, and the peak GiB of them all."""
    kho = [sys.executable, "-m", "orchestration", "refresh", "--hourly"]
    with tempfile.TemporaryDirectory() as folder:
        begin = datetime.now(UTC) - timedelta(hours=HOURS + 1)
        sources = start(Path(folder) / "sources", now=begin, months=months, communes=communes, frozen=True)
        env = {**os.environ, **sources.env, "KHO_HOME": f"{folder}/home", "PYTHONPATH": str(REPOSITORY)}
        env["KHO_BACKFILL_MONTHS"] = str(months)
        try:
            code, seconds, peak = run(kho, cwd=REPOSITORY, env=env)
            print(f"{months} months, first refresh: exit {code}, {seconds:.0f} s, {peak / 2**30:.2f} GiB", flush=True)
            told = []
            for hour in range(HOURS):
                set_clock(sources, begin + timedelta(hours=hour + 1), frozen=True)
                told.append(run(kho, cwd=REPOSITORY, env=env))
                print(f"{months} months, hour {hour + 1}: exit {told[-1][0]}, {told[-1][1]:.0f} s", flush=True)
        finally:
            sources.stop()
    return statistics.median(one[1] for one in told), max(one[2] for one in told) / 2**30


def main() -> None:
    """One month, then the long history, in turn."""
    months = int(sys.argv[1]) if sys.argv[1:] else 36
    communes = int(sys.argv[2]) if sys.argv[2:] else None
    short, _ = hourly(1, communes)
    long, peak = hourly(months, communes)
    print(
        f"hourly refresh, medians of {HOURS}: {short:.1f} s on 1 month, {long:.1f} s on {months} months, ratio "
        f"{long / short:.2f}; peak {peak:.2f} GiB; load of the machine {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
