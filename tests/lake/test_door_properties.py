"""What holds for every table that a source can deliver: nothing is lost, and no identifier comes through."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from lake.contract import Contract
from lake.door import admit
from lake.pseudonyms import Key, pseudonymise
from lake.references import Units

COMMUNES = ["24829", "24787", "4"]
# any text that a JSON or a CSV can hold; surrogates are not text
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(2**40), 2**40) | st.floats(width=32)
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.isoformat())
ANYTHING = st.none() | TEXTS | NUMBERS.map(str) | MOMENTS | st.sampled_from(["", " ", "1.234,5", "31/02/2026", "NaN"])
CITIZENS = st.text("0123456789", min_size=12, max_size=12)
# none begins with a zero, because the made-up record numbers do and would hold it by chance
IDENTIFIERS = st.integers(10**8, 10**13 - 1).map(str)
MOST_SPOILT = 2  # cells of a row: with more, no row would ever be accepted and nothing be tried


@st.composite
def rows_of(draw: st.DrawFn, contract: Contract) -> list[dict[str, Any]]:
    """Good rows, some of the same record, of which some have cells that hold anything at all."""
    names = [column.source_names[0] for column in contract.columns]
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        row: dict[str, Any] = dict.fromkeys(names)
        row |= {
            "maHoSo": f"HS-68-24829-{draw(st.integers(0, 5)):09d}",
            "maXa": draw(st.sampled_from(COMMUNES)),
            "maThuTuc": "1.000123",
            "soDinhDanh": draw(CITIZENS),
            "soDienThoai": "0912345678",
            "kenhNop": draw(st.sampled_from(["online", "counter"])),
            "ngayTiepNhan": "2026-07-01T08:00:00+07:00",
            "ngayHenTra": "2026-07-08T08:00:00",
            "trangThai": "processing",
            "capNhatLuc": draw(st.sampled_from(["2026-07-01T08:00:00+07:00", "2026-07-02T08:00:00Z"])),
        }
        if draw(st.booleans()):
            for name in draw(st.lists(st.sampled_from(names), max_size=MOST_SPOILT)):
                row[name] = draw(ANYTHING)
        rows.append(row)
    return rows


def test_the_rows_tried_are_good_and_bad(dossiers: Contract, units: Units, key: Key, now: datetime) -> None:
    """Properties of accepted rows say nothing where none is."""
    outcomes: set[str] = set()

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(rows=rows_of(dossiers))
    def collect(rows: list[dict[str, Any]]) -> None:
        admitted = admit(table_of(rows), dossiers, units, key, now)
        if len(admitted.accepted) > 1 and len(admitted.quarantined):
            outcomes.add("both")
        outcomes.update(code.partition(":")[0] for codes in admitted.quarantined["reasons"] for code in codes)

    collect()
    assert outcomes >= {"both", "duplicate", "missing", "type", "value", "pattern", "unknown_unit"}


def table_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String()), strict=False)


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
    rows = data.draw(rows_of(dossiers))
    admitted = admit(table_of(rows), dossiers, units, key, now)
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
    rows = data.draw(rows_of(dossiers))
    together = admit(table_of(rows), dossiers, units, key, now)
    alone = [admit(table_of([row]), dossiers, units, key, now).accepted for row in rows]
    apart = pl.concat(alone).unique(["dossier_id", "updated_at"], keep="first", maintain_order=True)
    assert together.accepted["dossier_id"].to_list() == apart["dossier_id"].to_list()


@SLOW_START
@given(data=st.data())
def test_no_identifier_comes_through(
    dossiers: Contract, units: Units, key: Key, now: datetime, data: st.DataObject
) -> None:
    rows = data.draw(rows_of(dossiers))
    names = [column.source_names[0] for column in dossiers.columns if column.source_names[0] != "soDinhDanh"]
    drawn = str([list(row.values()) for row in rows])
    for row in rows:  # an identifier also where none belongs
        row["soDinhDanh"], row["soDienThoai"] = data.draw(IDENTIFIERS), data.draw(IDENTIFIERS)
        # a number that a spoilt cell holds anyway is no leak of the identifier
        assume(row["soDinhDanh"] not in drawn and row["soDienThoai"] not in drawn)
        astray = data.draw(st.sampled_from([None, *names]))
        if astray is not None:
            row[astray] = data.draw(st.sampled_from(["{}", "CCCD {}", " {} "])).format(row["soDinhDanh"])
    extra = data.draw(st.booleans())
    table = pl.DataFrame([{**row, **({"ghiChu": row["soDinhDanh"]} if extra else {})} for row in rows])
    admitted = admit(table, dossiers, units, key, now)
    assert len(admitted.accepted) + len(admitted.quarantined) == len(rows)
    pseudonyms = [
        *admitted.accepted["applicant_pseudonym"],
        *admitted.quarantined.select(pl.col("row").str.json_path_match("$.applicant_pseudonym")).to_series(),
    ]
    made = set(pseudonymise(table["soDinhDanh"].str.strip_chars(), key))
    assert set(pseudonyms) <= made, "an identifier's own field holds its pseudonym and nothing else"
    # a pseudonym is hexadecimal and could hold nine digits by chance: it is looked for as a whole
    told = str(admitted.accepted.rows() + admitted.quarantined.rows())
    for pseudonym in made:
        told = told.replace(pseudonym, "")
    for row in rows:
        for secret in (row["soDinhDanh"], row["soDienThoai"]):
            assert secret not in told


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
