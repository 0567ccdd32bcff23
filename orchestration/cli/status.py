"""What `kho status` and `kho quarantine` tell."""

import io
from typing import Any

import orjson
import polars as pl

from lake.contract import load_contracts
from lake.ledger import read_index
from lake.settings import Settings
from lake.snapshots import current, list_snapshots
from lake.store import open_store, read_many

ROWS_SHOWN = 50


def status(settings: Settings) -> dict[str, Any]:
    """The published snapshot and, per dataset, its loads: received, accepted, quarantined, last load, last refusal."""
    contracts = load_contracts(settings.contracts)
    index = read_index(settings, open_store(settings), contracts)
    pointed = current(settings)
    snapshot = next((one for one in list_snapshots(settings) if one["snapshot_id"] == pointed), {})
    datasets = []
    for one in contracts.values():
        mine = index.filter(pl.col("dataset") == one.dataset)
        counted = mine.filter("current")
        newest = mine.sort("load_id").tail(1).to_dicts()
        refused = newest[0] if newest and not newest[0]["standing"] else None
        datasets.append(
            {
                "dataset": one.dataset,
                "received": counted["received"].sum(),
                "accepted": counted["accepted"].sum(),
                "quarantined": counted["quarantined"].sum(),
                "last_load": counted["load_id"].max(),
                "last_loaded_at": counted["finished_at"].max(),
                "newest_event": _newest_event(counted),
                "rejected": (refused and "; ".join(orjson.loads(refused["reasons"]))) or None,
            }
        )
    return {
        "snapshot": pointed,
        "built_at": snapshot.get("built_at"),
        "audit": snapshot.get("audit"),
        "datasets": datasets,
    }


def _newest_event(loads: pl.DataFrame) -> str | None:
    newest = loads["profile"].str.json_path_match("$.newest_event").max()
    return str(newest) if newest is not None else None


def quarantined(settings: Settings, dataset: str | None) -> list[dict[str, Any]]:
    """The newest refused rows with the source's record id, unit and every reason."""
    contracts = load_contracts(settings.contracts)
    store = open_store(settings)
    index = read_index(settings, store, contracts).filter(pl.col("quarantine_object").is_not_null())
    if dataset:
        index = index.filter(pl.col("dataset") == dataset)
    newest = index.sort("load_id", descending=True).head(ROWS_SHOWN)
    tables = [pl.read_parquet(io.BytesIO(one)) for one in read_many(store, newest["quarantine_object"].to_list())]
    if not tables:
        return []
    rows = pl.concat(tables).join(newest.select("dataset", "day", "load_id"), left_on="_load_id", right_on="load_id")
    columns = ["dataset", "day", "record_id", "unit_code", "reason_text"]
    return rows.select(columns).head(ROWS_SHOWN).to_dicts()
