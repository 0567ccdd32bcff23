"""What was published, kept for ever: every figure whenever it is new or differs from the one before."""

from datetime import datetime

import duckdb
import polars as pl

from lake.contract import Contract
from lake.current import read_current
from lake.ledger import Entry
from lake.loads import Judge, write_derived
from lake.settings import TIME_ZONE, Settings
from lake.snapshots import FIGURES, current, switched_at

FIGURE = ["indicator_code", "unit_code", "period_start"]


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
    known = read_current(settings, contract)
    last = known.sort("published_at", "_load_id").unique(FIGURE, keep="last")
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
    return write_derived(contract, rows, settings, judge, now)
