"""An hourly refresh with one new hour on a long history beside the same on one month: what grows with the history.

Told by the clock and in seconds of a processor: the latter hold on a machine that does other things, too.

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


def hourly(months: int, communes: int | None) -> tuple[float, float, float]:
    """Median seconds of the clock and of a processor of the refreshes after the first one; the peak GiB of them all."""
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
                before = os.times()
                code, seconds, peak = run(kho, cwd=REPOSITORY, env=env)
                after = os.times()
                processor = after.children_user + after.children_system - before.children_user - before.children_system
                told.append((seconds, processor, peak / 2**30))
                print(
                    f"{months} months, hour {hour + 1}: exit {code}, {seconds:.0f} s, {processor:.0f} s of a processor",
                    flush=True,
                )
        finally:
            sources.stop()
    clock, processors, peaks = zip(*told, strict=True)
    return statistics.median(clock), statistics.median(processors), max(peaks)


def main() -> None:
    """One month, then the long history, in turn."""
    months = int(sys.argv[1]) if sys.argv[1:] else 36
    communes = int(sys.argv[2]) if sys.argv[2:] else None
    short, short_processor, _ = hourly(1, communes)
    long, long_processor, peak = hourly(months, communes)
    print(
        f"hourly refresh, medians of {HOURS}: {short:.1f} s on 1 month, {long:.1f} s on {months} months, ratio "
        f"{long / short:.2f}; of a processor {short_processor:.1f} and {long_processor:.1f} s, ratio "
        f"{long_processor / short_processor:.2f}; peak {peak:.2f} GiB; load of the machine {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
