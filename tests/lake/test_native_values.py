"""Columns that a source delivers in their type: the same answers as by way of their text."""

from collections.abc import Callable
from datetime import date, datetime
from unittest.mock import patch
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal

from lake.contract import Column, Contract
from lake.door import Admitted, Seen, admit
from lake.pseudonyms import Key
from lake.values import read_values

MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
TYPES: dict[str, tuple[pl.DataType, st.SearchStrategy[object]]] = {
    "whole": (pl.Int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)),
    "small": (pl.UInt8(), st.integers(0, 255)),
    "amount": (pl.Float64(), st.floats() | st.integers(-3, 3).map(float)),
    "share": (pl.Int32(), st.integers(-(2**31), 2**31 - 1)),
    "yes": (pl.Boolean(), st.booleans()),
    "day": (pl.Date(), st.dates(date(1, 1, 1), date(9999, 12, 31)) | st.just(date(2026, 7, 1))),
    "month": (pl.Date(), st.dates(date(1, 1, 1), date(9999, 12, 31))),
    "moment": (pl.Datetime("us", "UTC"), MOMENTS.map(lambda one: one.replace(tzinfo=ZoneInfo("UTC")))),
    "local": (pl.Datetime("us", "Asia/Ho_Chi_Minh"), st.datetimes(datetime(1980, 1, 1), datetime(2300, 1, 1))),
}
COLUMNS = [
    {"name": "id", "type": "text", "required": True},
    {"name": "citizen", "type": "text", "protect": "pseudonym"},
    {"name": "phone", "type": "text", "protect": "drop"},
    {"name": "whole", "type": "integer", "required": True, "range": [-(2**40), 2**40]},
    {"name": "small", "type": "number"},
    {"name": "amount", "type": "integer"},
    {"name": "share", "type": "number", "range": [None, 10]},
    {"name": "yes", "type": "boolean", "required": True},
    {"name": "day", "type": "date", "not_future": True},
    {"name": "month", "type": "month"},
    {"name": "moment", "type": "timestamp", "required": True, "not_future": True},
    {"name": "local", "type": "timestamp"},
]
SECRETS = st.none() | st.sampled_from(["068190001234", "2026-07-01", "9223372036854775807", "123456789", "false"])


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    height = draw(st.integers(1, 6))

    def values(one: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(st.none() | one, min_size=height, max_size=height))

    columns = [
        pl.Series("id", values(st.sampled_from(["a", "b", "c"])), pl.String()),
        pl.Series("citizen", values(SECRETS), pl.String()),
        pl.Series("phone", values(SECRETS), pl.String()),
    ]
    for name, (dtype, some) in TYPES.items():
        zone = getattr(dtype, "time_zone", None)
        plain = pl.Series(name, values(some), pl.Datetime("us") if zone == "Asia/Ho_Chi_Minh" else dtype)
        columns.append(plain.dt.replace_time_zone(zone, non_existent="null", ambiguous="earliest")
                       if plain.dtype == pl.Datetime("us") else plain)  # fmt: skip
    return pl.DataFrame(columns)


@pytest.fixture
def typed_contract(make_contract: Callable[..., Contract]) -> Contract:
    check = {"name": "in_order", "expression": "day <= cast(moment as date)", "message": "Sai thứ tự"}
    return make_contract(COLUMNS, mode="stream", partition="daily", updated_at="moment", checks=[check])


@settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(table=tables())
def test_a_typed_column_is_read_as_its_text_would_be(
    typed_contract: Contract, key: Key, now: datetime, table: pl.DataFrame
) -> None:
    direct = admit(table, typed_contract, None, key, now)
    with patch("lake.door.is_native", return_value=False):
        by_text = admit(table, typed_contract, None, key, now)
    assert_frame_equal(direct.accepted, by_text.accepted)
    assert_frame_equal(direct.quarantined, by_text.quarantined)


def records(admitted: list[Admitted]) -> tuple[list[object], list[object]]:
    accepted = pl.concat([one.accepted for one in admitted])
    refused = pl.concat([one.quarantined for one in admitted])
    return accepted["id"].to_list(), refused.select("record_id", "reasons").rows()


@settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(
    rows=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 4)), min_size=1, max_size=12),
    cut=st.integers(0, 12),
)
def test_good_rows_are_accepted_once_however_a_reading_is_cut(
    make_contract: Callable[..., Contract], key: Key, now: datetime, rows: list[tuple[str, int]], cut: int
) -> None:
    columns = [{"name": "id", "type": "text"}, {"name": "changed", "type": "timestamp"}]
    contract = make_contract(columns, mode="stream", partition="daily", updated_at="changed")
    table = pl.DataFrame(
        {"id": [name for name, _ in rows], "changed": [datetime(2026, 7, day) for _, day in rows]},
    )
    whole = admit(table, contract, None, key, now, Seen())
    seen = Seen()
    parts = [admit(part, contract, None, key, now, seen) for part in (table[:cut], table[cut:]) if len(part)]
    assert records(parts) == records([whole])


MOMENT = st.from_regex(r"[0-9]{4}-[0-3][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\+07:00", fullmatch=True)


@settings(max_examples=150, deadline=None, database=None)
@given(texts=st.lists(st.none() | MOMENT | MOMENTS.map(lambda one: f"{one:%Y-%m-%dT%H:%M:%S}+07:00"), max_size=8))
def test_moments_of_our_zone_are_read_as_any_other_spelling_of_them(texts: list[str | None]) -> None:
    column = Column(name="at", type="timestamp", label="Lúc", description="A moment")
    ours = read_values(pl.Series("at", texts, pl.String()), column, False)
    other = pl.Series("at", [one and one.replace("+07:00", "+0700") for one in texts], pl.String())
    assert_series_equal(ours, read_values(other, column, False))
