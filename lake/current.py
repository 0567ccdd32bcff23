"""The rows that count now, read straight from the lake."""

from datetime import datetime

import polars as pl

from lake.contract import Contract, read_contract
from lake.ledger import read_index
from lake.references import Units
from lake.settings import Settings, SettingsError
from lake.store import list_paths, open_store, read_tables


def read_current(settings: Settings, contract: Contract, as_of: datetime | None = None) -> pl.DataFrame:
    """The current rows of a dataset by `contract.row_schema`; streams give the newest version of each key."""
    store = open_store(settings)
    index = read_index(settings, store, {contract.dataset: contract}, as_of)
    paths = index.filter(pl.col("current") & pl.col("object").is_not_null())["object"].to_list()
    empty = pl.DataFrame(schema=contract.row_schema)
    rows = pl.concat([empty, *read_tables(store, paths)], how="diagonal_relaxed").select(list(contract.row_schema))
    rows = rows.cast(dict(contract.row_schema))  # type: ignore[arg-type]  # kept under a former contract
    if contract.mode == "stream":
        rows = rows.sort(contract.updated_at or "", "_load_id").unique(contract.key, keep="last", maintain_order=True)
        if contract.removed_column:
            rows = rows.filter(pl.col(contract.removed_column).is_null())
    return rows


UNIT_DATASETS = ("admin.units", "admin.unit_changes")  # what has to be there before a row that names units is read


def read_units(settings: Settings) -> Units:
    """Today's units and the crosswalk. Raises SettingsError until admin.units and admin.unit_changes are loaded."""
    tables = {}
    for dataset in UNIT_DATASETS:
        contract = read_contract(settings.contracts / f"{dataset.replace('.', '/')}.yaml")
        tables[dataset] = read_current(settings, contract)
        if tables[dataset].is_empty():
            raise SettingsError(f"{dataset} has no load yet: run `kho refresh --datasets {dataset}` first")
    today, changes = tables.values()
    return Units(today, changes, settings.province)


def read_texts(settings: Settings, contract: Contract) -> pl.DataFrame:
    """The key and the free texts of a dataset's rows, for the text models alone; of each key those of its newest load.

    Texts past their retention are not there any more.
    """
    store = open_store(settings)
    index = read_index(settings, store, {contract.dataset: contract})
    paths = index.filter(pl.col("standing") & pl.col("text_object").is_not_null())["text_object"].to_list()
    there = set(list_paths(store, f"restricted/{contract.dataset.replace('.', '/')}/"))
    texts = [column.name for column in contract.text_columns]
    empty = pl.DataFrame(schema={name: pl.String() for name in ("_load_id", *contract.key, *texts)})
    tables = read_tables(store, [path for path in paths if path in there])
    rows = pl.concat([empty, *tables], how="diagonal_relaxed").select(list(empty.schema))
    return rows.sort("_load_id").unique(contract.key, keep="last", maintain_order=True)
