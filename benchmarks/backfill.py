"""All datasets of the demo from their sources into the lake, 730 days of them: the reading part of a first refresh.

Run: python -m benchmarks.backfill
"""

import json
import os
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lake.contract import load_contracts
from lake.loads import ingest
from lake.settings import TIME_ZONE, load_settings
from orchestration.partitions import days_between
from quality.load_suites import judge
from simulator.server import start

DAYS = 730
UNITS = ("admin.units", "admin.unit_changes")  # asked for by the door of all others


def main() -> None:
    """Print rows and seconds of each dataset, and of all."""
    with tempfile.TemporaryDirectory() as folder:
        sources = start(Path(folder) / "sources")
        settings = load_settings({**os.environ, **sources.env, "KHO_HOME": f"{folder}/home"})
        contracts = load_contracts(settings.contracts)
        read = [contract for contract in contracts.values() if contract.tier != "derived"]
        now = datetime.now(UTC)
        today = now.astimezone(TIME_ZONE).date()
        rows, seconds, datasets = 0, 0.0, 0
        try:
            for contract in sorted(read, key=lambda one: (one.dataset not in UNITS, one.dataset)):
                asked = contract.partition != "none" and contract.protocol != "files"
                days = days_between(contract, today - timedelta(days=DAYS - 1), today) if asked else None
                began = time.perf_counter()
                loads = ingest(contract, days, settings, judge, now)
                took = time.perf_counter() - began
                received = sum(load.received for load in loads)
                rejected = sum(load.status == "rejected" for load in loads)
                rows, seconds, datasets = rows + received, seconds + took, datasets + 1
                print(
                    f"{contract.dataset:<28} {contract.protocol:<12} {received:>9,} rows {len(loads):>4} loads "
                    f"({rejected} rejected) {took:6.1f} s {received / took:>9,.0f} rows/s",
                    flush=True,
                )
        finally:
            sources.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{datasets} datasets, {rows:,} rows in {seconds:.0f} s, peak memory {peak / 2**20:,.0f} MiB")
    print(json.dumps({"seconds": round(seconds), "rows": rows, "datasets": datasets}))


if __name__ == "__main__":
    main()
