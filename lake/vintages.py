"""What was published, kept for ever: every figure whenever it is new or differs from the one before."""

import hashlib
import secrets
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from lake.contract import Contract
from lake.current import read_current
from lake.ledger import Entry, read_index
from lake.loads import Judge, write_derived
from lake.settings import TIME_ZONE, Settings
from lake.snapshots import FIGURES, current, switched_at
from lake.store import open_store, read_tables

FIGURE = ["indicator_code", "unit_code", "period_start"]
TOLD = [*FIGURE, "value", "withheld_reason", "published_at", "_load_id"]
ORDER = ["published_at", "_load_id"]  # the greatest is what was told last


def append_vintages(settings: Settings, contract: Contract, judge: Judge, now: datetime) -> Entry | None:
    """Keep the published snapshot's figures that are new or revised; None if there are none.

    Called after every switch and, for a run killed between the two, before the next candidate. Safe to run again:
    figures that were kept do not differ any more. A rollback is a publication too: what it brings back is kept
    with the time at which it came back.
    """
    snapshot = current(settings)
    if snapshot is None:
        return None
    with duckdb.connect(settings.published / FIGURES / snapshot / "leaders.duckdb", read_only=True) as connection:
        figures = connection.sql(
            "select indicator_code, unit_code, cast(period_start as date) as period_start, value, withheld_reason "
            "from mart_indicator"
        ).pl()
    last = last_told(settings, contract)
    fresh = figures.join(
        last.select(*FIGURE, "value", "withheld_reason"),
        on=[*FIGURE, "value", "withheld_reason"],
        how="anti",
        nulls_equal=True,
    )
    if fresh.is_empty():
        return None
    published_at = min(switched_at(settings), now).astimezone(TIME_ZONE)
    rows = fresh.with_columns(snapshot_id=pl.lit(snapshot), published_at=pl.lit(published_at))
    entry = write_derived(contract, rows, settings, judge, now)
    if entry.status == "accepted" and entry.object:
        [written] = read_tables(open_store(settings), [entry.object])
        _keep(settings, contract, newest(pl.concat([last, written.select(TOLD)], how="vertical_relaxed")))
    return entry


def last_told(settings: Settings, contract: Contract) -> pl.DataFrame:
    """Of each figure what was told last, by TOLD.

    All vintages are read only when no file is kept that reflects exactly the loads that stand now: at the first time,
    after a kill between a load and its file, after a load was taken out or came from elsewhere.
    """
    kept = _file(settings, contract)
    if kept.exists():
        return pl.read_parquet(kept)
    last = newest(read_current(settings, contract).select(TOLD))
    _keep(settings, contract, last)
    return last


def versions(settings: Settings, contract: Contract, indicator: str, unit: str) -> pl.DataFrame:
    """Everything that was published of one unit's indicator, by period and then by the time of its publication.

    Columns: period_start, value, withheld_reason, snapshot_id, published_at, and revised: whether a publication before
    told the period otherwise.
    """
    told = read_current(settings, contract).filter(
        (pl.col("indicator_code") == indicator) & (pl.col("unit_code") == unit)
    )
    ordered = told.sort("period_start", *ORDER)
    shown = ("period_start", "value", "withheld_reason", "snapshot_id", "published_at")
    return ordered.select(*shown, revised=pl.col("period_start").is_first_distinct().not_())


def newest(told: pl.DataFrame) -> pl.DataFrame:
    """Of each figure the row that was told last, in the order of the figures."""
    return told.sort(ORDER).unique(FIGURE, keep="last").sort(FIGURE)


def _file(settings: Settings, contract: Contract) -> Path:
    """Named by the loads that stand, so that another set of loads never finds it."""
    index = read_index(settings, open_store(settings), {contract.dataset: contract})
    standing = "\n".join([contract.sha256, *index.filter("standing").sort("load_id")["load_id"]])
    return settings.home / "last_told" / f"{hashlib.sha256(standing.encode()).hexdigest()}.parquet"


def _keep(settings: Settings, contract: Contract, last: pl.DataFrame) -> None:
    file = _file(settings, contract)
    file.parent.mkdir(exist_ok=True)
    partial = file.with_suffix(f".{secrets.token_hex(4)}")
    last.write_parquet(partial)
    partial.replace(file)
    for former in file.parent.iterdir():
        if former != file:
            former.unlink(missing_ok=True)
