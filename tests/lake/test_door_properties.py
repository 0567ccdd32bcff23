"""What holds for every table that a source can deliver: nothing is lost, and no identifier comes through."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lake.contract import Contract
from lake.door import admit
from lake.pseudonyms import Key
from lake.references import Units

COMMUNES = ["24829", "24787", "4"]
# any text that a JSON or a CSV can hold; surrogates are not text
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(2**40), 2**40) | st.floats(width=32)
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.isoformat())
ANYTHING = st.none() | TEXTS | NUMBERS.map(str) | MOMENTS | st.sampled_from(["", " ", "1.234,5", "31/02/2026", "NaN"])
DIGITS = st.integers(9, 13).flatmap(lambda length: st.text("0123456789", min_size=length, max_size=length))


def rows_of(contract: Contract, *, hostile: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows in which each value is a fitting one or anything at all."""
    good = {
        "maHoSo": st.integers(0, 20).map(lambda n: f"HS-68-24829-{n:09d}"),
        "maXa": st.sampled_from(COMMUNES),
        "kenhNop": st.sampled_from(["online", "counter"]),
        "trangThai": st.just("processing"),
        "ngayTiepNhan": st.just("2026-07-01T08:00:00+07:00"),
        "ngayHenTra": st.just("2026-07-08T08:00:00"),
        "capNhatLuc": st.sampled_from(["2026-07-01T08:00:00+07:00", "2026-07-02T08:00:00Z"]),
        "maThuTuc": st.just("1.000123"),
        "soDinhDanh": DIGITS,
        "soDienThoai": DIGITS,
    }
    columns = {
        column.source_names[0]: good.get(column.source_names[0], st.none()) | (ANYTHING if hostile else st.nothing())
        for column in contract.columns
    }
    return st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def dossiers(contracts: dict[str, Contract]) -> Contract:
    return contracts["one_stop.dossiers"]


SLOW_START = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
FEWER = settings(SLOW_START, max_examples=25)  # one pass a row


@SLOW_START
@given(data=st.data())
def test_received_is_accepted_and_quarantined(
    dossiers: Contract, units: Units, key: Key, now: datetime, data: st.DataObject
) -> None:
    rows = data.draw(rows_of(dossiers, hostile=True))
    admitted = admit(pl.DataFrame(rows, infer_schema_length=None, strict=False), dossiers, units, key, now)
    assert len(admitted.accepted) + len(admitted.quarantined) == len(rows)
    assert admitted.accepted.schema == dossiers.row_schema
    assert admitted.quarantined.select((pl.col("reasons").list.len() > 0).all()).item()
    assert (
        admitted.quarantined.select(pl.col("reason_text", "row", "record_id").is_not_null().all()).row(0) == (True,) * 3
    )
    accepted = admitted.accepted
    assert accepted.select(pl.struct("dossier_id", "updated_at").is_unique().all()).item()
    assert set(accepted["commune_code"]) <= set(units.today["unit_code"])
    assert accepted.select((pl.col("due_at") >= pl.col("received_at")).all()).item()
    assert accepted.select((pl.col("updated_at") <= now).all()).item()
    required = [column.name for column in dossiers.kept_columns if column.required]
    assert sum(accepted.select(required).null_count().row(0)) == 0


@FEWER
@given(data=st.data())
def test_an_accepted_row_is_accepted_again(
    dossiers: Contract, units: Units, key: Key, now: datetime, data: st.DataObject
) -> None:
    """What one good row meets does not depend on the rows beside it."""
    rows = data.draw(rows_of(dossiers, hostile=True))
    together = admit(pl.DataFrame(rows, infer_schema_length=None, strict=False), dossiers, units, key, now)
    schema = dict.fromkeys(rows[0], pl.String())
    alone = [
        admit(pl.DataFrame([row], schema=schema, strict=False), dossiers, units, key, now).accepted for row in rows
    ]
    apart = pl.concat(alone).unique(["dossier_id", "updated_at"], keep="first", maintain_order=True)
    assert together.accepted["dossier_id"].to_list() == apart["dossier_id"].to_list()


@SLOW_START
@given(data=st.data())
def test_no_identifier_comes_through(
    dossiers: Contract, units: Units, key: Key, now: datetime, data: st.DataObject
) -> None:
    rows = data.draw(rows_of(dossiers, hostile=False))
    names = [column.source_names[0] for column in dossiers.columns if column.source_names[0] != "soDinhDanh"]
    for row in rows:  # an identifier also where none belongs
        astray = data.draw(st.sampled_from([None, *names]))
        if astray is not None:
            row[astray] = data.draw(st.sampled_from(["{}", "CCCD {}", " {} "])).format(row["soDinhDanh"])
    extra = data.draw(st.booleans())
    table = pl.DataFrame([{**row, **({"ghiChu": row["soDinhDanh"]} if extra else {})} for row in rows])
    admitted = admit(table, dossiers, units, key, now)
    assert len(admitted.accepted) + len(admitted.quarantined) == len(rows)
    # pseudonyms are hexadecimal and could hold nine digits by chance: they are compared as wholes
    told = admitted.accepted.drop("applicant_pseudonym").rows() + admitted.quarantined.rows()
    words = str(told).replace("-", " ")
    for row in rows:
        for secret in (row["soDinhDanh"], row["soDienThoai"]):
            if secret is not None and secret.strip("0"):
                assert secret.strip() not in _without_pseudonyms(words, admitted.quarantined)


def _without_pseudonyms(text: str, quarantined: pl.DataFrame) -> str:
    for pseudonym in quarantined.select(pl.col("row").str.json_path_match("$.applicant_pseudonym")).to_series():
        text = text.replace(pseudonym or "\0", "")
    return text


@settings(max_examples=120, deadline=None)
@given(table=st.lists(st.tuples(TEXTS, ANYTHING, ANYTHING, ANYTHING), min_size=0, max_size=6), protocol=st.booleans())
@example(table=[("a", "1975-06-12 23:30:00", "1.000", "٣")], protocol=True)
def test_any_text_in_any_type(
    make_contract: Callable[..., Contract], key: Key, now: datetime, table: list[tuple[Any, ...]], protocol: bool
) -> None:
    kinds = ["integer", "number", "boolean", "date", "month", "timestamp"]
    for first in kinds[::2]:
        contract = make_contract(
            [
                {"name": "secret", "type": "text", "protect": "pseudonym"},
                {"name": "a", "type": first, "not_future": first == "date"},
                {"name": "b", "type": kinds[kinds.index(first) + 1]},
                {"name": "c", "type": "text", "range": None},
            ],
            source={"protocol": "files" if protocol else "rest"},
        )
        frame = pl.DataFrame(table, schema=dict.fromkeys(["secret", "a", "b", "c"], pl.String()), orient="row")
        admitted = admit(frame, contract, None, key, now)
        assert len(admitted.accepted) + len(admitted.quarantined) == len(table)
        assert admitted.accepted.schema == contract.row_schema
