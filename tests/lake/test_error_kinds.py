"""Every reason that the door can give has a kind, a dimension and a term."""

import duckdb
import polars as pl
import pytest

from lake.accepted_models import accepted_models
from lake.contract import Contract
from lake.error_kinds import LONGEST_REPAIR, error_kinds, repair_days
from lake.staging import write_staging_models

KINDS = {"missing", "outlier", "duplicate", "format", "foreign_key", "cross_field", "stale", "mismatch"}
DIMENSIONS = {"valid", "complete", "unique", "fresh", "consistent"}


def test_the_eight_kinds_and_five_dimensions() -> None:
    kinds = error_kinds()
    assert set(kinds["kind"]) == KINDS
    assert set(kinds["dimension"]) == DIMENSIONS
    assert set(kinds["repair_days"]) == {5, 10, LONGEST_REPAIR}


@pytest.mark.parametrize(
    ("code", "kind", "dimension", "days"),
    [
        ("missing:commune_code", "missing", "complete", 5),
        ("duplicate", "duplicate", "unique", 10),
        ("unknown_unit:commune_code", "foreign_key", "consistent", 10),
        ("check:occurred_long_ago", "stale", "fresh", 15),
        ("check:water_level_range", "outlier", "valid", 15),
        ("check:due_before_received", "cross_field", "valid", 15),
    ],
)
def test_kind_of_a_code_in_sql_and_its_term_in_python(code: str, kind: str, dimension: str, days: int) -> None:
    kinds = error_kinds().to_arrow()
    sql = "select kind, dimension, repair_days from kinds where $code like kinds.code order by rank limit 1"
    with duckdb.connect() as connection:
        connection.register("kinds", kinds)
        assert connection.execute(sql, {"code": code}).fetchone() == (kind, dimension, days)
    assert repair_days().get(code.partition(":")[0], LONGEST_REPAIR) == days


def test_accepted_rows_of_every_delivered_dataset_are_counted(contracts: dict[str, Contract]) -> None:
    models = accepted_models(contracts)
    whole = models["stg_quality__accepted"] + models["stg_quality__accepted_object"]
    for contract in contracts.values():
        delivered = contract.tier not in ("reference", "derived")
        assert whole.count(f"select '{contract.dataset}' as dataset") == delivered, contract.dataset
    assert "iot.observations" not in models["stg_quality__version"], "its key holds a moment"
    assert "one_stop.dossiers" in models["stg_quality__version"]


def test_a_lake_of_reference_data_alone_has_nothing_to_judge(
    contracts: dict[str, Contract], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("staging")
    write_staging_models({"admin.units": contracts["admin.units"]}, folder / "models", folder / "empty")
    text = (folder / "models" / "staging" / "quality" / "stg_quality__version.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        assert connection.execute(text).fetchall() == []
    assert pl.read_parquet(folder / "empty" / "quarantine.parquet").is_empty()
