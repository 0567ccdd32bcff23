"""The macro `restate`: any series of old units on the units of today keeps its total, and estimates are flagged."""

import csv
import os
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake.connectors import package
from lake.contract import Contract, read_contract
from lake.settings import load_settings

MACRO = Path(__file__).parents[2] / "dbt_project" / "macros" / "restate.sql"
BEFORE, SINCE = date(2025, 6, 1), date(2025, 7, 1)
# old commune -> commune of today, as others compiled it; not part of the repository
SHARED = Path(os.environ.get("KHO_SHARED", Path(__file__).parents[2].parent / "shared"))
MAPPING = SHARED / "data" / "admin_vn" / "old_to_new_ward_mapping_10602.csv"


@pytest.fixture(scope="module")
def crosswalk() -> pl.DataFrame:
    contract: Contract = read_contract(load_settings({}).contracts / "admin" / "unit_changes.yaml")
    (extract,) = package.read(contract, None, load_settings({}))
    return extract.table


@pytest.fixture(scope="module")
def communes(crosswalk: pl.DataFrame) -> list[str]:
    """Every split commune and as many whole ones, so that a series holds both."""
    of_communes = crosswalk.filter(level="commune")
    split = of_communes.filter("apportioned")["old_code"].unique().sort()
    whole = of_communes.filter(~pl.col("apportioned"))["old_code"].unique().sort()
    return [*split, *whole.head(len(split))]


@pytest.fixture(scope="module")
def connection(crosswalk: pl.DataFrame) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("int_unit_crosswalk", crosswalk.to_arrow())
    return connection


def restate(connection: duckdb.DuckDBPyConnection, series: list[tuple[str, date, Any]]) -> list[dict[str, Any]]:
    """The series through the macro as dbt compiles it."""
    template = jinja2.Environment().from_string(MACRO.read_text(encoding="utf-8"), globals={"ref": lambda name: name})
    sql = template.module.restate("series", "unit_code", "month", ["cases"])  # type: ignore[attr-defined]
    frame = pl.DataFrame(series, {"unit_code": pl.String(), "month": pl.Date(), "cases": pl.Int64()}, orient="row")
    connection.register("series", frame.to_arrow())
    return connection.sql(sql).pl().to_dicts()


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_totals_are_kept_and_estimates_flagged(
    data: st.DataObject, connection: duckdb.DuckDBPyConnection, crosswalk: pl.DataFrame, communes: list[str]
) -> None:
    codes = data.draw(st.lists(st.sampled_from(communes), min_size=1, max_size=40, unique=True))
    values = data.draw(st.lists(st.integers(-(10**6), 10**9), min_size=len(codes), max_size=len(codes)))
    restated = restate(connection, [(code, BEFORE, value) for code, value in zip(codes, values, strict=True)])
    assert sum(row["cases"] for row in restated) == sum(values), "exactly: weights have few binary digits"
    mine = crosswalk.filter(pl.col("old_code").is_in(codes), level="commune")
    assert {row["unit_code"] for row in restated} == set(mine["new_code"])
    estimated = set(mine.filter("apportioned")["new_code"])
    assert {row["unit_code"] for row in restated if row["apportioned"]} == estimated
    assert sum(row["parts"] for row in restated) == len(mine)


def test_since_the_merger_codes_are_todays(connection: duckdb.DuckDBPyConnection, crosswalk: pl.DataFrame) -> None:
    taken_over = crosswalk.filter((pl.col("old_code") != pl.col("new_code")) & ~pl.col("apportioned"), level="commune")
    old, new = taken_over.select("old_code", "new_code").row(0)
    restated = restate(connection, [(old, BEFORE, 3), (old, SINCE, 5), ("99999", BEFORE, 7)])
    found = {(row["unit_code"], row["month"]): (row["cases"], row["apportioned"]) for row in restated}
    assert found == {(new, BEFORE): (3, False), (old, SINCE): (5, False), ("99999", BEFORE): (7, False)}


def test_what_is_missing_is_no_zero(connection: duckdb.DuckDBPyConnection) -> None:
    restated = restate(connection, [("67", BEFORE, None), ("60", BEFORE, 4), ("01", BEFORE, None)])
    told = {row["unit_code"]: (row["cases"], row["parts"], row["parts_missing"]) for row in restated}
    assert told == {"68": (4, 2, 1), "01": (None, 1, 1)}


def test_the_crosswalk_of_others_agrees(crosswalk: pl.DataFrame) -> None:
    """An old commune goes to the same communes of today in a mapping that others compiled."""
    if not MAPPING.is_file():
        pytest.skip(f"no mapping of old to new communes at {MAPPING}")
    with MAPPING.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["wardCode"]]
    theirs: dict[str, set[str]] = {}
    for row in rows:
        theirs.setdefault(f"{int(float(row['wardCode'])):05d}", set()).add(row["newWardCode"])
    ours: dict[str, set[str]] = {}
    for old, new in crosswalk.filter(level="commune").select("old_code", "new_code").iter_rows():
        ours.setdefault(old, set()).add(new)
    shared = sorted(ours.keys() & theirs.keys())
    assert len(shared) > 10_000
    assert [code for code in shared if ours[code] != theirs[code]] == []
    assert theirs.keys() == ours.keys()
