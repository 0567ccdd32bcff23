"""Why two snapshots differ: the loads whose rows differ, by unit and month; code; registry; or time alone."""

import io
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from lake import snapshots
from lake.contract import load_contracts
from lake.settings import Settings, load_settings
from lake.store import open_store, put_once
from orchestration.causes import explain

OLD = "20261101T000000000001Z-aaaaaa"
AGAIN = "20261110T000000000001Z-bbbbbb"  # the same row read again, and a correction of another unit
NEW = "20261110T000000000002Z-cccccc"
REVENUE = "finance.budget_revenue"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load_settings({"KHO_HOME": str(tmp_path)})
    first, changed = (1, "24829", 10.0), (1, "24829", 15.0)
    loads = {OLD: [first, (2, "24830", 7.0)], AGAIN: [first, (2, "24830", 8.0)], NEW: [changed]}
    contract = load_contracts(found.contracts)[REVENUE]
    for load_id, rows in loads.items():
        frame = pl.DataFrame(
            [
                {
                    "_load_id": load_id,
                    "record_id": f"NS-202608-{number:06}",
                    "day": date(2026, 8, 3),
                    "commune_code": unit,
                    "revenue_million_vnd": value,
                    "updated_at": datetime(2026, 8, 3 if value in (10.0, 7.0) else 28, tzinfo=UTC),
                }
                for number, unit, value in rows
            ]
        )
        content = io.BytesIO()
        empty = pl.DataFrame(schema=contract.row_schema)
        pl.concat([empty, frame], how="diagonal_relaxed").write_parquet(content)
        path = f"raw/finance/budget_revenue/province=68/day=2026-11-01/{load_id}.parquet"
        put_once(open_store(found), path, content.getvalue())
    refused = io.BytesIO()
    pl.DataFrame({"_load_id": [NEW], "unit_code": ["24831"]}).write_parquet(refused)
    path = f"quarantine/finance/budget_revenue/province=68/day=2026-11-01/{NEW}.parquet"
    put_once(open_store(found), path, refused.getvalue())
    return found


def publish(settings: Settings, standing: list[str], version: str = "one", decimals: int = 1) -> str:
    with duckdb.connect(settings.warehouse) as connection:
        connection.execute(
            "create or replace table mart_load (load_id varchar, dataset varchar, day date, standing bool)"
        )
        for load_id in standing:
            connection.execute("insert into mart_load values (?, ?, '2026-11-01', true)", [load_id, REVENUE])
        connection.execute(
            "create or replace table dim_indicator as select * from (values "
            f"('budget_revenue', 'economy', '{REVENUE}', {decimals}), "
            "('dossiers', 'one_stop', 'one_stop.dossiers', 1), "
            "('data_accepted_share', 'quality', 'one_stop.dossiers', 1)) as t (indicator_code, theme, inputs, decimals)"
        )
    name = snapshots.new_snapshot_id(datetime.now(UTC))
    tables = {"leaders": {"mart_load": "mart_load", "dim_indicator": "dim_indicator"}}
    snapshots.build_candidate(settings, snapshots.FIGURES, tables, name, {"code_version": version})
    return name


def causes(
    settings: Settings, old: str, new: str
) -> dict[tuple[str, str, int], tuple[list[str], list[str], list[str]]]:
    """Causes, loads and earlier loads by indicator, unit and month."""
    differing = pl.DataFrame(
        [
            ("budget_revenue", "24829", date(2026, 8, 1)),
            ("budget_revenue", "24829", date(2026, 9, 1)),
            ("budget_revenue", "24830", date(2026, 8, 1)),
            ("budget_revenue", "68", date(2026, 8, 1)),
            ("dossiers", "24829", date(2026, 8, 1)),
            ("data_accepted_share", "24831", date(2026, 11, 1)),
        ],
        ["base_code", "unit_code", "period_start"],
        orient="row",
    )
    found = explain(settings, load_contracts(settings.contracts), old, new, differing)
    assert found.select(differing.columns).equals(differing), "every figure once, in the same order"
    return {
        (one["base_code"], one["unit_code"], one["period_start"].month): (
            one["causes"],
            one["loads"],
            one["earlier_loads"],
        )
        for one in found.to_dicts()
    }


def test_the_loads_are_those_whose_rows_of_the_unit_and_month_differ(settings: Settings) -> None:
    told = causes(settings, publish(settings, [OLD]), publish(settings, [OLD, AGAIN, NEW]))
    assert told == {
        ("budget_revenue", "24829", 8): (["loads"], [NEW], []),
        ("budget_revenue", "24829", 9): (["loads"], [], [NEW]),
        ("budget_revenue", "24830", 8): (["loads"], [AGAIN], []),
        ("budget_revenue", "68", 8): (["loads"], [AGAIN, NEW], []),
        ("dossiers", "24829", 8): (["moment"], [], []),
        ("data_accepted_share", "24831", 11): (["loads"], [NEW], []),
    }


def test_a_load_that_was_taken_out_is_told_as_such(settings: Settings) -> None:
    told = causes(settings, publish(settings, [OLD, NEW]), publish(settings, [OLD]))
    assert told["budget_revenue", "24829", 8] == (["loads_taken_out"], [NEW], [])
    assert told["budget_revenue", "24830", 8] == (["moment"], [], [])


def test_other_code_and_another_registry_are_told(settings: Settings) -> None:
    told = causes(settings, publish(settings, [OLD]), publish(settings, [OLD], version="two", decimals=2))
    assert told["budget_revenue", "24829", 8] == (["code", "registry"], [], [])
    assert told["dossiers", "24829", 8] == (["code"], [], [])
