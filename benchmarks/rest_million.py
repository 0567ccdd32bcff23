"""REST, a million rows with contract checks and pseudonyms, beside dlt on the same feed without either.

dlt runs in an environment of its own below KHO_CACHE (~/.cache/kho-tinh), which is made at the first run.

Run: python -m benchmarks.rest_million [ROWS]
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from simulator.province import read_communes
from simulator.server import Running, start

DLT = "dlt[parquet]==1.30.0"
CONTRACT = """
dataset: load.payments
title: Khoản thu
description: Payments made up for the benchmark.
tier: commune
owner: benchmarks
mode: stream
partition: daily
schedule: hourly
source:
  protocol: rest
  url: ${ONE_STOP_URL}
  path: /api/v1/payments
  records: data
  auth: {token_url: "${ONE_STOP_URL}/oauth2/token", client_id: "${ONE_STOP_CLIENT_ID}",
    client_secret: "${ONE_STOP_CLIENT_SECRET}"}
  paging: {style: page, page_param: page, size_param: page_size, size: 10000}
  window: {from_param: updated_since, to_param: updated_before}
key: [payment_id]
updated_at: updated_at
unit_column: commune_code
columns:
  - {name: payment_id, source: maKhoan, type: text, required: true, label: Mã, description: Key, pattern: 'KT-\\d{8}'}
  - {name: commune_code, source: maXa, type: text, required: true, label: Xã, description: Commune,
     unit_reference: {level: commune}}
  - {name: payer, source: soDinhDanh, type: text, required: true, label: Người nộp, description: Payer,
     pattern: '\\d{12}', protect: pseudonym}
  - {name: amount, source: soTien, type: number, required: true, label: Số tiền, description: Amount, range: [0, 1e9]}
  - {name: state, source: trangThai, type: text, required: true, label: Trạng thái, description: State,
     values: [paid, due, waived]}
  - {name: updated_at, type: timestamp, required: true, label: Lúc, description: Change, not_future: true}
checks:
  - {name: waived_is_nothing, expression: state <> 'waived' or amount = 0, message: Miễn mà có số tiền}
"""
OURS = """
import resource, sys, time
from datetime import UTC, date, datetime
from lake.contract import load_contracts
from lake.loads import ingest
from lake.settings import load_settings
from quality.load_suites import judge
settings = load_settings()
contracts = load_contracts(settings.contracts)
now = datetime.now(UTC)
for name in ("admin.units", "admin.unit_changes"):
    ingest(contracts[name], None, settings, judge, now)
days = [date.fromisoformat(day) for day in sys.argv[1:]]
began = time.perf_counter()
loads = ingest(contracts["load.payments"], days, settings, judge, now)
seconds = time.perf_counter() - began
rows = sum(one.received for one in loads)
assert rows == sum(one.accepted for one in loads) and all(one.status == "accepted" for one in loads)
print(rows, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
THEIRS = """
import json, os, resource, sys, time
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator
url, client, secret, target = sys.argv[1:]
auth = OAuth2ClientCredentials(access_token_url=f"{url}/oauth2/token", client_id=client, client_secret=secret,
                               access_token_request_data={"grant_type": "client_credentials"})
source = RESTClient(base_url=url, auth=auth, paginator=JSONLinkPaginator(next_url_path="next"), data_selector="data")
@dlt.resource(name="payments", write_disposition="append")
def payments():
    yield from source.paginate("/api/v1/payments", params={"page_size": 10000})
began = time.perf_counter()
pipeline = dlt.pipeline("payments", pipelines_dir=f"{target}/state",
                        destination=dlt.destinations.filesystem(bucket_url=f"file://{target}/lake"), dataset_name="raw")
pipeline.run(payments(), loader_file_format="parquet")
seconds = time.perf_counter() - began
rows = pipeline.last_trace.last_normalize_info.row_counts["payments"]
print(rows, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def make_rows(rows: int, now: datetime) -> pl.DataFrame:
    """The feed: a row of seven fields as offices send it, over thirty days up to now, by update time."""
    rng = np.random.default_rng(7)
    codes = read_communes()["code"]
    state = rng.integers(0, 3, rows)
    first = np.datetime64(now.replace(tzinfo=None) - timedelta(days=30), "us")
    moments = first + (np.sort(rng.random(rows)) * 29 * 86_400_000_000).astype("timedelta64[us]")
    return pl.DataFrame(
        {
            "maKhoan": [f"KT-{number:08d}" for number in range(rows)],
            "maXa": codes.gather(rng.integers(0, len(codes), rows)),
            "soDinhDanh": [f"{number:012d}" for number in rng.integers(1_000_000_000, 96_000_000_000, rows)],
            "soTien": np.where(state == 2, 0, rng.integers(1_000, 5_000_000, rows)),
            "trangThai": pl.Series(["paid", "due", "waived"]).gather(state),
            "updated_at": pl.Series(moments).dt.replace_time_zone("UTC"),
        }
    )


def run(python: str, code: str, arguments: list[str], env: dict[str, str]) -> tuple[int, float, int]:
    """Rows, seconds and peak bytes that a script of its own process prints."""
    done = subprocess.run([python, "-c", code, *arguments], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    rows, seconds, peak = done.stdout.split()[-3:]
    return int(rows), float(seconds), int(peak)


def dlt_python() -> str:
    """The interpreter of dlt's own environment."""
    cache = Path(os.environ.get("KHO_CACHE") or Path.home() / ".cache" / "kho-tinh") / "dlt"
    python = cache / "bin" / "python"
    if not python.exists():
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(cache)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), DLT], check=True)
    return str(python)


def ours(sources: Running, folder: Path, rows: int, days: list[str]) -> tuple[int, float, int]:
    """One reading into a new lake."""
    env = {
        **os.environ,
        **sources.env,
        "KHO_HOME": str(folder / f"home-{rows}"),
        "KHO_CONTRACTS": str(folder / "contracts"),
    }
    return run(sys.executable, OURS, days, {**env, "PYTHONPATH": str(Path(__file__).parents[1])})


def tell(name: str, measured: tuple[int, float, int]) -> None:
    """One line on a reading."""
    rows, seconds, peak = measured
    print(
        f"{name:<5} {rows:>9,} rows in {seconds:6.1f} s: {rows / seconds:>8,.0f} rows/s, peak {peak / 2**20:,.0f} MiB"
    )


def main() -> None:
    """Print rows a second of both, their ratio, and our peak memory at three sizes."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    theirs = dlt_python()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contracts = Path(__file__).parents[1] / "lake" / "contracts"
        for system in ("admin", "load"):
            (folder / "contracts" / system).mkdir(parents=True)
        for path in (contracts / "admin").glob("*.yaml"):
            (folder / "contracts" / "admin" / path.name).write_bytes(path.read_bytes())
        (folder / "contracts" / "load" / "payments.yaml").write_text(CONTRACT, encoding="utf-8")
        sources = start(folder / "sources", months=1, communes=2, scale=0.05)
        now = datetime.now(UTC)
        local = now.astimezone().date()
        days = [(local - timedelta(days=back)).isoformat() for back in range(31, -1, -1)]
        extra = folder / "sources" / "extra" / "payments.parquet"
        try:
            told = {}
            for size in (rows // 4, rows // 2, rows):
                make_rows(size, now).write_parquet(extra)
                told[size] = ours(sources, folder, size, days)
                tell("ours", told[size])
            where = [sources.env[f"ONE_STOP_{part}"] for part in ("URL", "CLIENT_ID", "CLIENT_SECRET")]
            read, seconds, peak = run(theirs, THEIRS, [*where, str(folder / "dlt")], dict(os.environ))
            tell("dlt", (read, seconds, peak))
            mine = told[rows][0] / told[rows][1]
            print(json.dumps({"ratio": round(mine / (read / seconds), 1), "rows_per_second": round(mine)}))
        finally:
            sources.stop()


if __name__ == "__main__":
    main()
