"""How many of the planted bad records the door refused, by kind, and how many good ones with them.

Run after `make demo`: python -m benchmarks.planted_rows   (KHO_HOME says where, as for every command)
"""

import json

import polars as pl

from lake.contract import Contract, load_contracts
from lake.ledger import read_index
from lake.settings import Settings, load_settings
from lake.store import open_store, read_tables

DATASETS = {
    "budget": "finance.budget_revenue",
    "cases": "health.case_reports",
    "dossiers": "one_stop.dossiers",
    "electricity": "utilities.electricity",
    "enterprises": "enterprise.registrations",
    "field_items": "field.report_items",
    "field_reports": "field.reports",
    "incidents": "security.incidents",
    "insurance": "insurance.coverage",
    "investment_projects": "finance.investment_projects",
    "land": "land.transactions",
    "observations": "iot.observations",
    "officers": "personnel.officers",
    "petitions": "inspection.petitions",
    "poverty": "poverty.households",
    "procedures": "one_stop.procedures",
    "residents": "population.residents",
    "socioeconomic": "statistics.socioeconomic",
    "tasks": "directives.tasks",
}
# what sources plant, as the eight kinds of the data quality index
KINDS = {
    "missing": "missing", "missing_required": "missing", "missing_result": "missing",
    "outlier": "outlier", "future_date": "outlier", "out_of_range": "outlier", "birth_year_out_of_range": "outlier",
    "duplicate": "duplicate", "exact_duplicate": "duplicate",
    "format": "format", "wrong_type": "format", "wrong_type_date": "format", "wrong_type_number": "format",
    "short_citizen_number": "format",
    "foreign_key": "foreign key", "unknown_commune": "foreign key", "unknown_channel": "foreign key",
    "unknown_kind": "foreign key", "unknown_status": "foreign key", "unknown_disease": "foreign key",
    "unknown_classification": "foreign key",
    "cross_field": "cross-field", "due_before_received": "cross-field", "finished_before_received": "cross-field",
    "reported_before_onset": "cross-field", "submitted_before_observed": "cross-field",
    "unit_mismatch": "cross-field", "interval_reversed": "cross-field",
    "stale": "stale",
    "mismatch": "mismatch", "name_mismatch": "mismatch",
}  # fmt: skip


def compare(settings: Settings, contract: Contract, planted: pl.DataFrame) -> pl.DataFrame | None:
    """Columns dataset, kind, planted, refused; kind "good" counts accepted and refused good rows. None: never read.

    planted: record_id, kind, bad_from of one source. Of what the source showed after the last reading, or before the
    first window, nothing is known.
    """
    store = open_store(settings)
    loads = read_index(settings, store, {contract.dataset: contract}).filter("standing")
    if loads.is_empty():
        return None
    tables = read_tables(store, loads["quarantine_object"].drop_nulls().to_list())
    refused = pl.concat(tables)["record_id"].drop_nulls().unique()
    seen = planted.filter(pl.col("bad_from") < loads["started_at"].max())
    if contract.mode == "stream":  # what changed last before the first day that was read was never asked for
        seen = seen.filter(pl.col("bad_from") >= loads["window_from"].min())
    kinds = (
        seen.with_columns(pl.col("kind").replace_strict(KINDS), found=pl.col("record_id").is_in(refused.implode()))
        .group_by("kind")
        .agg(planted=pl.len(), refused=pl.col("found").sum())
    )
    wrongly = len(refused) - refused.is_in(planted["record_id"].implode()).sum()
    good = pl.DataFrame({"kind": ["good"], "planted": [loads["accepted"].sum() + wrongly], "refused": [wrongly]})
    counts = pl.concat([kinds, good.cast(dict(kinds.schema))])  # type: ignore[arg-type]
    return counts.select(pl.lit(contract.dataset).alias("dataset"), pl.all())


def main() -> None:
    """Print both tables."""
    settings = load_settings()
    contracts = load_contracts(settings.contracts)
    truth = settings.home / "simulator" / "truth"
    found = []
    for path in sorted(truth.glob("bad_*.parquet")):
        contract = contracts[DATASETS[path.stem.removeprefix("bad_")]]
        compared = compare(settings, contract, pl.read_parquet(path))
        if compared is not None:
            found.append(compared)
    rows = pl.concat(found)
    share = (100 * pl.col("refused") / pl.col("planted")).round(3)
    good = rows.filter(kind="good")
    print("planted bad records refused, of all datasets")
    for kind, planted, refused, percent in (
        rows.filter(pl.col("kind") != "good")
        .group_by("kind")
        .agg(pl.col("planted", "refused").sum())
        .with_columns(percent=share)
        .sort("kind")
        .iter_rows()
    ):
        print(f"  {kind:<12} {planted:>8,} planted {refused:>8,} refused  {percent:7.2f} %")
    print("good records refused, by dataset")
    for dataset, count, refused, percent in good.with_columns(percent=share).drop("kind").iter_rows():
        print(f"  {dataset:<28} {count:>10,} good {refused:>6,} refused  {percent:7.3f} %")
    print(json.dumps({"good": int(good["planted"].sum()), "good_refused": int(good["refused"].sum())}))


if __name__ == "__main__":
    main()
