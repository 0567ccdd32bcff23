"""Rows a second from the REST source to the ledger: read, door with checks and pseudonyms, verdict, objects, entries.

The baseline, run beside it, is the bare download of the same pages.

Run: python -m benchmarks.rest_extraction
"""

import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from lake.contract import load_contracts
from lake.loads import ingest
from lake.settings import TIME_ZONE, load_settings
from quality.load_suites import judge
from simulator.server import Running, start

DAYS = 730


def download(sources: Running) -> tuple[int, float]:
    """Rows and seconds of fetching every page and no more."""
    url = sources.env["ONE_STOP_URL"]
    began, rows, page = time.perf_counter(), 0, 1
    with httpx.Client(trust_env=False, timeout=60) as client:
        form = {
            "grant_type": "client_credentials",
            "client_id": sources.env["ONE_STOP_CLIENT_ID"],
            "client_secret": sources.env["ONE_STOP_CLIENT_SECRET"],
        }
        token = client.post(f"{url}/oauth2/token", data=form).json()["access_token"]
        while True:
            answer = client.get(
                f"{url}/api/v1/dossiers",
                params={"page": page, "page_size": 5000},
                headers={"Authorization": f"Bearer {token}"},
            )
            got = len(answer.json()["data"])
            rows, page = rows + got, page + 1
            if got < 5000:
                return rows, time.perf_counter() - began


def main() -> None:
    """Print both and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        sources = start(Path(folder) / "sources")
        settings = load_settings({**os.environ, **sources.env, "KHO_HOME": f"{folder}/home"})
        contracts = load_contracts(settings.contracts)
        now = datetime.now(UTC)
        today = now.astimezone(TIME_ZONE).date()
        days = [today - timedelta(days=back) for back in range(DAYS, -1, -1)]
        try:
            for reference in ("admin.units", "admin.unit_changes"):
                ingest(contracts[reference], None, settings, judge, now)
            bare, bare_seconds = download(sources)
            began = time.perf_counter()
            loads = ingest(contracts["one_stop.dossiers"], days, settings, judge, now)
            seconds = time.perf_counter() - began
        finally:
            sources.stop()
    rows = sum(load.received for load in loads)
    print(f"bare download: {bare:,} rows in {bare_seconds:.1f} s, {bare / bare_seconds:,.0f} rows/s")
    print(f"ingest: {rows:,} rows, {len(loads)} loads in {seconds:.1f} s, {rows / seconds:,.0f} rows/s")
    print(f"ratio of the times: {seconds / bare_seconds:.1f}")


if __name__ == "__main__":
    main()
