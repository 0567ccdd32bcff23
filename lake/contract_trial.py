"""A contract tried on loads that were made under a former one: what it would refuse, and what it would let in."""

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from lake.contract import Column, Contract
from lake.door import DUPLICATE, QUARANTINE_SCHEMA, admit
from lake.ledger import read_index
from lake.pseudonyms import load_key
from lake.references import Units
from lake.settings import Settings
from lake.store import open_store, read_tables

LOADS = 30


@dataclass(frozen=True)
class Trial:
    """What the newest loads would be under a contract. Rows accepted once and refused now, by reason; refused once and
    accepted now; columns that the loads lack."""

    loads: int
    rows: int
    now_refused: dict[str, int] = field(default_factory=dict)
    now_accepted: int = 0
    still_refused: int = 0
    new_columns: list[str] = field(default_factory=list)


def try_contract(settings: Settings, contract: Contract, units: Units | None, now: datetime) -> Trial:
    """Try the contract on the rows of the newest loads as they lie in the lake.

    They were protected and had their units resolved before, so patterns of identifiers are not judged again.
    """
    store = open_store(settings)
    index = read_index(settings, store, {contract.dataset: contract}).filter(
        pl.col("current") & (pl.col("received") > 0)
    )
    newest = index.sort("load_id", descending=True).head(LOADS)
    accepted = read_tables(store, newest["object"].drop_nulls().to_list())
    refused = read_tables(store, newest["quarantine_object"].drop_nulls().to_list())
    if not accepted and not refused:
        return Trial(len(newest), 0)
    kept = contract.model_copy(
        update={"columns": [_as_kept(column) for column in contract.kept_columns], "source": {"protocol": "derived"}}
    )
    rows = pl.concat(accepted, how="diagonal_relaxed").drop("_load_id") if accepted else pl.DataFrame()
    names = [column.name for column in kept.columns]
    new = [name for name in names if name not in rows.columns]
    rows = rows.with_columns(pl.lit(None, pl.String()).alias(name) for name in new)
    key = load_key(settings)
    passed = admit(rows, kept, units, key, now)
    codes = passed.quarantined["reasons"].explode(empty_as_null=True).drop_nulls().value_counts().sort("reasons")
    again = 0
    every = pl.concat(refused) if refused else pl.DataFrame(schema=QUARANTINE_SCHEMA)
    waiting = every.filter(~pl.col("reasons").list.contains(DUPLICATE))["row"]  # what they double is not among them
    if len(waiting):
        texts = waiting.str.json_decode(pl.Struct(dict.fromkeys(names, pl.String())))
        again = len(admit(texts.struct.unnest(), kept, units, key, now).accepted)
    return Trial(len(newest), len(rows), dict(codes.iter_rows()), again, len(every) - again, new)


def _as_kept(column: Column) -> Column:
    """The column as its values lie in the lake: named, mapped, protected, units as codes."""
    reference = column.unit_reference
    if reference is not None and reference.by == "name" and not reference.agrees_with:
        reference = reference.model_copy(update={"by": "code"})
    update: dict[str, object] = {"source": None, "map": None, "unit_reference": reference}
    if column.protect:
        update |= {"protect": None, "pattern": None, "type": "text"}
    return column.model_copy(update=update)
