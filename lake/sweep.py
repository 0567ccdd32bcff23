"""Keys that a source has no more: a sweep reads all its keys and compares them with the rows that count here."""

from datetime import UTC, datetime, timedelta

import polars as pl

from lake.connectors import CONNECTORS
from lake.contract import REMOVED_AT, Contract
from lake.current import read_current, read_units
from lake.door import QUARANTINE_SCHEMA, admit
from lake.ledger import Entry, read_index
from lake.loads import Judge, Progress, Run, Verdict, commit_pieces
from lake.pieces import Piece
from lake.pseudonyms import load_key
from lake.settings import Settings
from lake.store import open_store
from lake.windows import local_day

SWEEP_EVERY = timedelta(days=7)
MOST_REMOVED = 0.2  # a source that lost more of its keys at once has most likely lost them by mistake
FEW = 20  # rows; of fewer the share says nothing


def sweep_due(contract: Contract, settings: Settings, now: datetime) -> bool:
    """Whether the dataset has rows and was not swept for a week."""
    if contract.deletes != "key_sweep":
        return False
    index = read_index(settings, open_store(settings), {contract.dataset: contract}).filter("standing")
    swept = index.filter(pl.col("kind") == "sweep")["started_at"].max()
    return bool(index["accepted"].sum()) and (not isinstance(swept, datetime) or now - swept >= SWEEP_EVERY)


def sweep_keys(contract: Contract, settings: Settings, now: datetime, progress: Progress | None = None) -> Entry:
    """Commit one load with the rows whose keys the source has no more, each marked as removed from now on.

    The load is rejected if an unlikely share of the keys is gone. Raises SourceError, SourceFormatError.
    """
    held = read_current(settings, contract)  # before the source is asked: what comes in between is no deletion
    keys = contract.model_copy(
        update={
            "columns": [column for column in contract.columns if column.name in contract.key],
            "checks": [],
            "deletes": "none",
            "updated_at": None,
            "unit_column": None,
            "period": None,
        }
    )
    key = load_key(settings)
    units = read_units(settings) if any(column.unit_reference for column in keys.columns) else None
    there = [pl.DataFrame(schema={name: held.schema[name] for name in contract.key})]
    there += [
        admit(extract.table, keys, units, key, now).accepted.select(contract.key)
        for extract in CONNECTORS[contract.protocol](keys, None, settings)
        if len(extract.table)
    ]
    gone = held.join(pl.concat(there), on=contract.key, how="anti").with_columns(
        pl.lit(now.astimezone(UTC)).cast(held.schema[REMOVED_AT]).alias(name)
        for name in (contract.updated_at or REMOVED_AT, REMOVED_AT)
    )
    run = Run(contract, settings, open_store(settings), key.key_id, None, datetime.now(UTC), now, progress, "sweep")
    piece = Piece(local_day(now), gone, pl.DataFrame(schema=QUARANTINE_SCHEMA), [], None)
    return commit_pieces(run, [piece], [], _believable(len(gone), len(held)))[0]


def _believable(gone: int, held: int) -> Judge:
    reasons = []
    if held >= FEW and gone > MOST_REMOVED * held:
        reasons = [
            f"Nguồn không còn {gone} trong số {held} bản ghi: nhiều bất thường, cần xác nhận với đơn vị quản lý nguồn"
        ]

    def judge(_: Contract, profiles: pl.DataFrame) -> list[Verdict]:
        return [Verdict(load_id, "rejected" if reasons else "accepted", reasons) for load_id in profiles["load_id"]]

    return judge
