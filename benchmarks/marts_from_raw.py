"""The dbt build of everything from some ten million raw rows, and what two marts of it cost beside hand-written SQL.

The baseline reads the same Parquet and computes mart_budget_month (revenue by unit, month and kind) and
mart_one_stop_month (received, on time, judged by unit and month) alone, in one DuckDB each, and is compared equal with
them; beside it stands the dbt build of these two marts with all that they are built from. The build of everything has
no baseline of its own: only seconds and memory are told.

Run: KHO_HOME=… python -m benchmarks.marts_from_raw [TIMES]   (an installation whose lake is filled; it is not changed)
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.measure import run
from lake.contract import Contract, load_contracts
from lake.ledger import commit, entries, load_time, read_index, write_index
from lake.settings import Settings, load_settings
from lake.store import open_store, put_once, read_tables
from orchestration.dbt_manifest import dbt_command, prepare_manifest
from orchestration.installation import dbt_project, dbt_target, environment

REPOSITORY = Path(__file__).parents[1]
MULTIPLIED = ("finance.budget_revenue", "health.case_reports", "iot.observations", "one_stop.dossiers")
MARTS = ("mart_budget_month", "mart_one_stop_month")

BUDGET = """
create table budget as
with newest as (
  select *, row_number() over (partition by record_id order by updated_at desc, _load_id desc) as place
  from read_parquet({revenue}, hive_partitioning = false, union_by_name = true)
),
rows as (
  select commune_code, date_trunc('month', day)::date as month, revenue_kind, revenue_million_vnd as revenue
  from newest where place = 1 and commune_code in (select unit_code from communes) and day >= {first_revenue}
)
select case grouping(commune_code) when 1 then '{province}' else commune_code end as unit_code, month,
  case grouping(revenue_kind) when 1 then 'total' else revenue_kind end as revenue_kind, sum(revenue) as revenue
from rows
group by grouping sets ((commune_code, month, revenue_kind), (commune_code, month), (month, revenue_kind), (month))
"""

ONE_STOP = """
create table one_stop as
with newest as (
  select *, row_number() over (partition by dossier_id order by updated_at desc, _load_id desc) as place
  from read_parquet({dossiers}, hive_partitioning = false, union_by_name = true)
),
lives as (
  select commune_code, status, supplement_requests, received_at at time zone '{zone}' as received_at,
    (due_at at time zone '{zone}') + to_minutes((coalesce(waiting_hours, 0) * 60)::bigint) as due_at,
    greatest(coalesce(finished_at, returned_at, stopped_at), received_at) at time zone '{zone}' as ended_at,
    coalesce(finished_at, returned_at, stopped_at) is not null as ended, updated_at at time zone '{zone}' as updated_at
  from newest where place = 1
),
moment as (select max(updated_at) as moment from lives),
months as (select unnest(generate_series({first_dossiers}, moment, interval 1 month)) as month, moment from moment),
judged as (
  select commune_code, month, received_at >= month as received,
    case when coalesce(supplement_requests, 0) > 1 and status = 'supplement' then false
      else least(case when ended then ended_at end, month + interval 1 month, moment) <= due_at end as on_time
  from lives join months
    on received_at < month + interval 1 month and (not ended or ended_at >= month)
  where commune_code in (select unit_code from communes)
)
select case grouping(commune_code) when 1 then '{province}' else commune_code end as unit_code, month::date as month,
  count(*) filter (where received) as received, count(*) filter (where on_time) as numerator, count(*) as denominator
from judged group by grouping sets ((commune_code, month), (month))
"""


def multiply(settings: Settings, contracts: dict[str, Contract], times: int) -> int:
    """Write the rows of the large datasets again under other keys, a load a dataset and copy; returns all raw rows."""
    store = open_store(settings)
    index = read_index(settings, store, contracts)
    for dataset in MULTIPLIED:
        contract = contracts[dataset]
        paths = index.filter((pl.col("dataset") == dataset) & pl.col("standing"))["object"].drop_nulls().to_list()
        rows = pl.concat(read_tables(store, paths), how="diagonal_relaxed")
        newest = entries(store, dataset)[-1]
        for copy in range(1, times):
            moment = load_time(newest.load_id) + timedelta(microseconds=copy)
            load_id = f"{moment:%Y%m%dT%H%M%S%f}Z-{copy:06x}"
            path = f"raw/{dataset.replace('.', '/')}/province={settings.province}/day={newest.day}/{load_id}.parquet"
            name = contract.key[0]
            copied = rows.with_columns(pl.concat_str(name, pl.lit(f"-{copy}")).alias(name), _load_id=pl.lit(load_id))
            content = io.BytesIO()
            copied.write_parquet(content)
            put_once(store, path, content.getvalue())
            told = {"received": len(copied), "accepted": len(copied), "quarantined": 0, "quarantine_object": None}
            commit(store, replace(newest, load_id=load_id, status="accepted", object=path, **told))  # type: ignore[arg-type]
    write_index(settings, store, contracts)
    return int(pl.read_parquet(settings.ledger_index).filter("standing")["accepted"].sum())


def dbt(settings: Settings, select: tuple[str, ...] = ()) -> tuple[float, float]:
    """Wall seconds and peak GiB of a build into an empty warehouse."""
    settings.warehouse.unlink(missing_ok=True)
    project = str(dbt_project(settings))
    command = [dbt_command(), "--no-use-colors", "--quiet", "build", "--exclude-resource-type", "unit_test", "test"]
    command += ["--project-dir", project, "--profiles-dir", project, "--log-path", str(dbt_target(settings))]
    command += ["--select", *(f"+{name}" for name in select)] if select else []
    code, seconds, peak = run(command, REPOSITORY, environment(settings))
    if code:
        raise SystemExit(f"dbt ended with {code}")
    return seconds, peak / 2**30


def baseline(settings: Settings) -> None:
    """Compute both tables by hand into `$KHO_HOME/baseline.duckdb`."""
    index = pl.read_parquet(settings.ledger_index)

    def urls(dataset: str, condition: str) -> list[str]:
        return index.filter((pl.col("dataset") == dataset) & pl.col(condition))["url"].drop_nulls().to_list()

    def first_month(dataset: str) -> str:
        """The first month whose first day was loaded."""
        of = (pl.col("dataset") == dataset) & pl.col("standing") & (pl.col("day").dt.day() == 1)
        return f"date '{index.filter(of).select(pl.col('day').dt.to_string().min()).item()}'"

    with duckdb.connect(settings.home / "baseline.duckdb") as connection:
        connection.execute("set TimeZone = 'Asia/Ho_Chi_Minh'; set memory_limit = '2GB'; set threads = 2")
        connection.execute(
            f"create table communes as select unit_code from read_parquet({urls('admin.units', 'current')}, "
            f"hive_partitioning = false) where level = 'commune' and province_code = '{settings.province}'"
        )
        told = {
            "province": settings.province,
            "zone": "Asia/Ho_Chi_Minh",
            "first_revenue": first_month("finance.budget_revenue"),
            "first_dossiers": first_month("one_stop.dossiers"),
        }
        told["revenue"] = str(urls("finance.budget_revenue", "standing"))
        told["dossiers"] = str(urls("one_stop.dossiers", "standing"))
        connection.execute(BUDGET.format(**told))
        connection.execute(ONE_STOP.format(**told))


def differing(settings: Settings) -> dict[str, int]:
    """Rows of each mart that the baseline tells otherwise; a unit without a dossier in a month is in the mart alone."""
    counts = {}
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        connection.execute(f"attach '{settings.home / 'baseline.duckdb'}' as baseline (read_only)")
        for mart, table, key, values in (
            ("mart_budget_month", "budget", ("unit_code", "month", "revenue_kind"), ("revenue",)),
            ("mart_one_stop_month", "one_stop", ("unit_code", "month"), ("received", "numerator", "denominator")),
        ):
            other = " or ".join(f"abs(coalesce(mart.{one}, 0) - coalesce(other.{one}, 0)) > 1e-3" for one in values)
            row = connection.execute(
                f"select count(*) from {mart} as mart full join baseline.main.{table} as other "
                f"using ({', '.join(key)}) where {other}"
            ).fetchone()
            counts[mart] = int(row[0]) if row else -1
    return counts


def main() -> None:
    """Multiply, build everything, build the two marts, compute them by hand, compare."""
    if sys.argv[1:2] == ["--baseline"]:
        baseline(load_settings())
        return
    times = int(sys.argv[1]) if sys.argv[1:] else 4
    source = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({"KHO_HOME": folder})
        shutil.copytree(source.home / "lake", settings.home / "lake")
        contracts = load_contracts(settings.contracts)
        started = time.perf_counter()
        print(f"{multiply(settings, contracts, times):,} raw rows, {time.perf_counter() - started:.0f} s to write them")
        prepare_manifest(settings, contracts)
        seconds, peak = dbt(settings)
        print(f"dbt build of everything: {seconds:.0f} s, peak memory {peak:.2f} GiB", flush=True)
        seconds, peak = dbt(settings, MARTS)
        print(f"dbt build of {' and '.join(MARTS)} and all before them: {seconds:.1f} s, {peak:.2f} GiB", flush=True)
        command = [sys.executable, "-m", "benchmarks.marts_from_raw", "--baseline"]
        code, by_hand, peak = run(command, REPOSITORY, {**os.environ, **environment(settings)})
        if code:
            raise subprocess.CalledProcessError(code, command)
        print(f"both by hand: {by_hand:.1f} s, {peak / 2**30:.2f} GiB; ratio {seconds / by_hand:.2f}")
        print(f"rows that differ: {differing(settings)}; load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
