"""The registers that are plain tables: which there are, where each is shown, and what it shows at a moment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from simulator import budget, directives, incidents, national, personnel, petitions, poverty, procedures, residents
from simulator.bad_records import write_bad

Generate = Callable[[pl.DataFrame, date, date, int, float], pl.DataFrame]
_JSON_TIME = "%Y-%m-%dT%H:%M:%S+07:00"


@dataclass(frozen=True)
class Table:
    """generate(units, start, end, seed, scale) gives all versions; columns that begin with _ are never shown.

    key, updated: the source's columns of identity and of last change. place: path below the gateway's API, or
    schema.table of the database. reader: of a database table, the role that may read it. by_period: of snapshots,
    the first day of the period that a window asks for.
    """

    generate: Generate
    key: str
    updated: str
    place: str
    reader: str | None = None
    by_period: str | None = None


TABLES: dict[str, Table] = {
    "residents": Table(residents.generate_residents, "maBanGhi", "capNhatLuc", "residents", by_period="_period"),
    "insurance": Table(
        residents.generate_insurance, "maBanGhi", "capNhatLuc", "insurance_coverage", by_period="_period"
    ),
    "enterprises": Table(national.generate_enterprises, "maSuKien", "capNhatLuc", "enterprise_registrations"),
    "land": Table(national.generate_land, "maGiaoDich", "capNhatLuc", "land_transactions"),
    "procedures": Table(procedures.generate_procedures, "maBanGhi", "capNhatLuc", "procedures", by_period="_period"),
    "poverty": Table(poverty.generate_poverty, "maBanGhi", "capNhatLuc", "poverty_households"),
    "incidents": Table(
        incidents.generate_incidents, "ma_vu_viec", "cap_nhat_luc", "an_ninh.vu_viec", "nguoi_doc_an_ninh"
    ),
    "petitions": Table(
        petitions.generate_petitions, "ma_don", "cap_nhat_luc", "thanh_tra.don_thu", "nguoi_doc_thanh_tra"
    ),
    "budget": Table(
        budget.generate_budget, "ma_ban_ghi", "cap_nhat_luc", "tai_chinh.thu_ngan_sach", "nguoi_doc_tai_chinh"
    ),
    "officers": Table(
        personnel.generate_officers, "ma_ban_ghi", "cap_nhat_luc", "noi_vu.nhan_luc_xa", "nguoi_doc_noi_vu", "thang"
    ),
    "tasks": Table(directives.generate_tasks, "ma_nhiem_vu", "cap_nhat_luc", "chi_dao.nhiem_vu", "nguoi_doc_chi_dao"),
}
GATEWAY_TABLES = {table.place: name for name, table in TABLES.items() if table.reader is None}
DATABASE_TABLES = [name for name, table in TABLES.items() if table.reader is not None]

DATABASE_SETTINGS = {  # by which a reader finds its table
    "SECURITY_DATABASE_URI": "an_ninh.vu_viec",
    "INSPECTION_DATABASE_URI": "thanh_tra.don_thu",
    "PERSONNEL_DATABASE_URI": "noi_vu.nhan_luc_xa",
    "FINANCE_DATABASE_URI": "tai_chinh.thu_ngan_sach",
    "DIRECTIVES_DATABASE_URI": "chi_dao.nhiem_vu",
}


def generate_tables(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> dict[str, pl.DataFrame]:
    """All versions of all tables, of what began in [start, end)."""
    return {name: table.generate(units, start, end, seed, scale) for name, table in TABLES.items()}


def newest_versions(versions: pl.LazyFrame, table: Table, now: datetime) -> pl.LazyFrame:
    """The rows as they are at `now` (local, naive), deleted ones among them: the newest version of each key.

    A duplicate, which has its key and its time from another row, is there beside it.
    """
    known = versions.filter(pl.col(table.updated) <= now)
    return known.filter(pl.col(table.updated) == pl.col(table.updated).max().over(table.key))


def shown_columns(versions: pl.DataFrame, table: Table) -> list[str]:
    """The columns that the source shows, the identifier first."""
    return [table.key, *(name for name in versions.columns if not name.startswith("_") and name != table.key)]


def state_at(versions: pl.LazyFrame, table: Table, now: datetime) -> pl.LazyFrame:
    """The rows that the source has at `now` (local, naive), each in the state it had then; hidden columns included."""
    newest = newest_versions(versions, table, now)
    return newest.filter(~pl.col("_deleted")) if "_deleted" in versions.collect_schema().names() else newest


def gateway_rows(
    versions: pl.DataFrame, table: Table, now: datetime, since: datetime | None, before: datetime | None
) -> pl.DataFrame:
    """Rows at `now` as JSON shows them; of a window those with since ≤ update or period < before (local, naive)."""
    rows = state_at(versions.lazy(), table, now)
    moment = pl.col(table.by_period or table.updated).cast(pl.Datetime("us"))
    if since is not None:
        rows = rows.filter(moment >= since)
    if before is not None:
        rows = rows.filter(moment < before)
    shown = rows.sort(table.updated, table.key).select(shown_columns(versions, table)).collect()
    return shown.with_columns(pl.col(pl.Datetime).dt.strftime(_JSON_TIME), pl.col(pl.Date).dt.strftime("%Y-%m-%d"))


def write_truth(
    folder: Path, units: pl.DataFrame, tables: dict[str, pl.DataFrame], start: date, end: date, seed: int
) -> dict[str, object]:
    """Write what is planted (bad_<table>.parquet, petitions.parquet); returns the facts for truth.json."""
    bad = {name: write_bad(folder, name, tables[name], table.key, table.updated) for name, table in TABLES.items()}
    petitions.write_petition_truth(folder, tables["petitions"])
    return {
        "bad_tables": bad,
        "hot_spots": incidents.plan_hot_spots(units, start, end, seed).drop("draw").to_dicts(),
        "complaint_waves": petitions.plan_waves(units, start, end, seed).drop("draw").to_dicts(),
        "revenue_corrections": budget.plan_corrections(units, start, end, seed).to_dicts(),
        "revenue_shocks": budget.plan_shocks(units, start, end, seed).drop("draw").to_dicts(),
        **directives.planted_tasks(tables["tasks"]),
    }
