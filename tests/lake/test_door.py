"""What passes the door, what does not, and with which reasons."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from lake.connectors import SourceFormatError
from lake.contract import Contract, ContractError, read_contract
from lake.door import QUARANTINE_SCHEMA, Admitted, admit
from lake.pseudonyms import Key
from lake.references import Units
from lake.values import read_values

Make = Callable[..., Contract]
CITIZEN = "068190001234"


@pytest.fixture(scope="module")
def dossiers(contracts: dict[str, Contract]) -> Contract:
    return contracts["one_stop.dossiers"]


def dossier(**changes: object) -> dict[str, object]:
    """A good dossier as the source gives it."""
    return {
        "maHoSo": "HS-68-24829-000000001",
        "maXa": "24829",
        "maThuTuc": "1.000123",
        "soDinhDanh": CITIZEN,
        "hoTen": "Nguyễn Thị Ánh",
        "soDienThoai": "0912345678",
        "kenhNop": "online",
        "ngayTiepNhan": "2026-07-01T08:00:00+07:00",
        "ngayHenTra": "2026-07-08T17:00:00+07:00",
        "ngayHoanThanh": None,
        "ngayTraKetQua": None,
        "ngayDungTuChoi": None,
        "soGioChoBoSung": 1.5,
        "soLanBoSung": 0,
        "trangThai": "processing",
        "capNhatLuc": "2026-07-01T01:00:00Z",
        **changes,
    }


@pytest.fixture(scope="module")
def pass_dossiers(dossiers: Contract, units: Units, key: Key, now: datetime) -> Callable[..., Admitted]:
    def run(*rows: dict[str, object]) -> Admitted:
        table = pl.DataFrame(list(rows), infer_schema_length=None, strict=False)
        admitted = admit(table, dossiers, units, key, now)
        assert len(admitted.accepted) + len(admitted.quarantined) == len(rows)
        assert admitted.accepted.schema == dossiers.row_schema
        assert admitted.quarantined.drop("_at").schema == QUARANTINE_SCHEMA
        return admitted

    return run


def test_a_good_row(pass_dossiers: Callable[..., Admitted], key: Key) -> None:
    admitted = pass_dossiers(dossier(maHoSoMoi="?", x=1))
    (row,) = admitted.accepted.to_dicts()
    assert row["commune_code"] == "24829" and row["waiting_hours"] == 1.5
    assert row["received_at"] == datetime(2026, 7, 1, 1, tzinfo=UTC)
    assert len(row["applicant_pseudonym"]) == 64
    assert "applicant_name" not in row and "applicant_phone" not in row
    assert CITIZEN not in str(row) and "Ánh" not in str(row) and "0912345678" not in str(row)
    assert admitted.drift == ["maHoSoMoi", "x"]


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"maXa": "99999"}, ["unknown_unit:commune_code"]),
        ({"maXa": None}, ["missing:commune_code"]),
        ({"soDinhDanh": "06819000123"}, ["pattern:applicant_pseudonym"]),
        ({"soDinhDanh": " "}, ["missing:applicant_pseudonym"]),
        ({"kenhNop": "fax"}, ["value:channel"]),
        ({"ngayTiepNhan": "2027-01-01T00:00:00+07:00", "ngayHenTra": "2027-02-01T00:00:00Z"}, ["future:received_at"]),
        ({"ngayTiepNhan": "hôm qua"}, ["type:received_at"]),
        ({"soLanBoSung": -1}, ["range:supplement_requests"]),
        ({"soLanBoSung": 1.5}, ["type:supplement_requests"]),
        ({"ngayHenTra": "2026-06-01T00:00:00Z"}, ["check:due_before_received"]),
        (
            {"maHoSo": "HS-1", "trangThai": "lost", "soGioChoBoSung": "vài"},
            ["type:waiting_hours", "value:status", "pattern:dossier_id"],
        ),
    ],
)
def test_every_reason_that_applies(
    pass_dossiers: Callable[..., Admitted], changes: dict[str, object], reasons: list[str]
) -> None:
    admitted = pass_dossiers(dossier(**changes))
    (row,) = admitted.quarantined.to_dicts()
    assert row["reasons"] == reasons
    assert len(row["reason_text"].split("; ")) == len(reasons)
    assert all(":" in sentence or sentence.startswith("Hạn") for sentence in row["reason_text"].split("; "))
    kept = orjson.loads(row["row"])
    assert kept["channel"] == changes.get("kenhNop", "online"), "what was refused can be read"
    assert len(kept["applicant_pseudonym"] or "") in (0, 64)
    for secret in (CITIZEN, "06819000123", "Ánh", "0912345678"):
        assert secret not in str(row)


def test_sentences_are_for_a_person(pass_dossiers: Callable[..., Admitted]) -> None:
    admitted = pass_dossiers(dossier(maXa="99999", ngayHenTra="2026-06-01T00:00:00Z"))
    assert admitted.quarantined["reason_text"].to_list() == [
        "Mã xã/phường: không phải đơn vị hành chính đã biết; Hạn trả kết quả sớm hơn thời điểm tiếp nhận"
    ]
    assert admitted.quarantined["record_id"].to_list() == ["HS-68-24829-000000001"]
    assert admitted.quarantined["unit_code"].to_list() == ["99999"]


def test_identifiers_where_none_belongs(pass_dossiers: Callable[..., Admitted]) -> None:
    exchanged = dossier(maXa=CITIZEN, soDinhDanh="24829")
    in_a_text = dossier(maThuTuc=f"của {CITIZEN}")
    phone = dossier(maThuTuc="gọi 0912345678")
    strange_key = dossier(maHoSo="0681 9000 1299")
    admitted = pass_dossiers(exchanged, in_a_text, phone, strange_key)
    assert admitted.quarantined["reasons"].to_list() == [
        ["unknown_unit:commune_code", "pattern:applicant_pseudonym"],
        ["identifier:procedure_code", "duplicate"],
        ["identifier:procedure_code", "duplicate"],
        ["pattern:dossier_id"],
    ]
    told = str(admitted.quarantined.to_dicts())
    for secret in (CITIZEN, "0912345678", "0681 9000 1299"):
        assert secret not in told
    assert "Mã thủ tục: chứa số định danh của chính người trong bản ghi" in told


def test_names_of_columns_that_hold_a_number(
    dossiers: Contract, pass_dossiers: Callable[..., Admitted], units: Units, key: Key, now: datetime
) -> None:
    assert pass_dossiers(dossier(**{f"cccd {CITIZEN}": 1})).drift == ["cccd …"]
    with pytest.raises(SourceFormatError, match=r"column maHoSo, maXa, .* is missing") as caught:
        admit(pl.DataFrame({CITIZEN: [1]}), dossiers, units, key, now)
    assert CITIZEN not in str(caught.value)


def test_duplicates_keep_one_good_row(make_contract: Make, key: Key, now: datetime) -> None:
    contract = make_contract([{"name": "k", "type": "text"}, {"name": "n", "type": "integer", "range": [0, 5]}])
    table = pl.DataFrame({"k": ["a", "a", "a", "b", "b", None, None], "n": [99, 1, 2, 9, 9, 1, 1]})
    admitted = admit(table, contract, None, key, now)
    assert admitted.accepted.select("k", "n").rows() == [("a", 1), (None, 1), (None, 1)]
    assert admitted.quarantined["reasons"].to_list() == [
        ["range:n", "duplicate"],
        ["duplicate"],
        ["range:n"],
        ["range:n", "duplicate"],
    ]


def test_versions_of_a_record_are_no_duplicates(pass_dossiers: Callable[..., Admitted]) -> None:
    later = dossier(capNhatLuc="2026-07-02T01:00:00Z", trangThai="finished")
    admitted = pass_dossiers(dossier(), later, dossier())
    assert len(admitted.accepted) == 2
    assert admitted.quarantined["reasons"].to_list() == [["duplicate"]]


def test_a_day_of_a_check_is_a_local_day(contracts: dict[str, Contract], units: Units, key: Key, now: datetime) -> None:
    contract = contracts["health.case_reports"]
    case = {
        "ma_ca_benh": ["A", "B"],
        "ma_xa": ["24829"] * 2,
        "so_dinh_danh": [CITIZEN] * 2,
        "nam_sinh": [1990] * 2,
        "gioi_tinh": ["Nữ"] * 2,
        "ma_benh": ["dengue"] * 2,
        "phan_loai": ["confirmed"] * 2,
        "ngay_khoi_phat": [date(2026, 7, 1), date(2026, 7, 2)],
        "ngay_bao_cao": ["2026-07-01T00:30:00+07:00"] * 2,  # still the last of June in UTC
        "cap_nhat_luc": ["2026-07-01T00:30:00+07:00"] * 2,
    }
    admitted = admit(pl.DataFrame(case), contract, units, key, now)
    assert admitted.accepted.select("case_id", "sex").rows() == [("A", "female")]
    assert admitted.quarantined["reasons"].to_list() == [["check:reported_before_onset"]]


def test_a_check_that_cannot_be_computed_tells_no_value(make_contract: Make, key: Key, now: datetime) -> None:
    contract = make_contract(
        [{"name": "k", "type": "text"}],
        checks=[{"name": "is_whole", "expression": "cast(k as int) > 0", "message": "Sai"}],
    )
    with pytest.raises(SourceFormatError, match="check is_whole cannot be computed") as caught:
        admit(pl.DataFrame({"k": ["a private value"]}), contract, None, key, now)
    assert "private" not in str(caught.value) and caught.value.__suppress_context__


def test_the_future_is_local_too(make_contract: Make, key: Key) -> None:
    contract = make_contract([{"name": "day", "type": "date", "not_future": True}])
    late = datetime(2026, 7, 1, 18, tzinfo=UTC)  # one o'clock of the next day
    admitted = admit(pl.DataFrame({"day": ["2026-07-02", "2026-07-03"]}), contract, None, key, late)
    assert admitted.accepted["day"].to_list() == [date(2026, 7, 2)]


def test_absent_columns(make_contract: Make, key: Key, now: datetime) -> None:
    columns: list[dict[str, Any]] = [
        {"name": "k", "type": "text", "source": ["Mã", "Code"]},
        {"name": "a", "type": "integer", "optional": True, "default": 7},
        {"name": "b", "type": "text", "optional": True, "missing": ["-", "n/a"]},
    ]
    contract = make_contract(columns)
    assert admit(pl.DataFrame({"CODE ": ["x"]}), contract, None, key, now).accepted.rows() == [(None, "x", 7, None)]
    given = pl.DataFrame({"Mã": ["x", "y"], "a": [1, None], "b": ["-", "Việt".encode().decode()]})
    assert admit(given, contract, None, key, now).accepted.drop("_load_id").rows() == [
        ("x", 1, None),
        ("y", None, "Việt"),
    ]
    with pytest.raises(
        SourceFormatError, match=r"^made\.up: column Mã or Code is missing; found are a\. Ask the source"
    ):
        admit(pl.DataFrame({"a": [1]}), contract, None, key, now)


def test_letters_and_accents_in_two_pieces(make_contract: Make, key: Key, now: datetime) -> None:
    contract = make_contract([{"name": "sex", "type": "text", "source": "giới", "map": {"Nữ": "female"}}])
    two_pieces = {"gio\u031b\u0301i": ["Nu\u031b\u0303"]}
    assert admit(pl.DataFrame(two_pieces), contract, None, key, now).accepted["sex"].to_list() == ["female"]


@pytest.mark.parametrize("rows", [0, 1])
def test_types_that_are_no_texts(make_contract: Make, key: Key, now: datetime, rows: int) -> None:
    kinds = {"t": "text", "d": "date", "m": "month", "z": "timestamp", "n": "timestamp", "b": "boolean", "f": "number"}
    contract = make_contract([{"name": name, "type": kind} for name, kind in kinds.items()])
    moment = datetime(2026, 6, 30, 17, tzinfo=UTC)
    table = pl.DataFrame(
        {
            "t": [["x", 1]],
            "d": [moment],
            "m": [moment],
            "z": [moment],
            "n": [datetime(2026, 7, 1)],
            "b": [True],
            "f": [1.5],
        },
        strict=False,
    ).head(rows)
    admitted = admit(table, contract, None, key, now)
    assert admitted.quarantined.is_empty() and admitted.accepted.schema == contract.row_schema
    if rows:
        first = date(2026, 7, 1)
        assert admitted.accepted.row(0)[2:] == (first, first, moment, moment, True, 1.5)


@pytest.mark.parametrize(
    ("text", "by_machine", "by_hand"),
    [
        ("1234", (1234, 1234), (1234, 1234)),
        ("1.0", (1, 1), (1, 1)),
        ("1.000", (1, 1), (1000, 1)),
        ("1.234", (None, 1.234), (1234, 1.234)),
        ("1,234", (1234, 1.234), (1234, 1.234)),
        ("1.234.567", (1_234_567, 1_234_567), (1_234_567, 1_234_567)),
        ("1,234,567", (1_234_567, 1_234_567), (1_234_567, 1_234_567)),
        ("1,234.5", (None, 1234.5), (None, 1234.5)),
        ("1.234,5", (None, 1234.5), (None, 1234.5)),
        ("12,5", (None, 12.5), (None, 12.5)),
        ("-12,50", (None, -12.5), (None, -12.5)),
        ("1 234 567", (None, None), (1_234_567, 1_234_567)),
        ("12.5", (None, 12.5), (None, 12.5)),
        ("1e3", (1000, 1000), (1000, 1000)),
        ("nan", (None, None), (None, None)),
        ("inf", (None, None), (None, None)),
        ("12,3,4", (None, None), (None, None)),
        ("mười", (None, None), (None, None)),
        (None, (None, None), (None, None)),
    ],
)
def test_numbers(
    make_contract: Make, text: str | None, by_machine: tuple[object, object], by_hand: tuple[object, object]
) -> None:
    columns = make_contract([{"name": "i", "type": "integer"}, {"name": "f", "type": "number"}]).columns
    values = pl.Series("v", [text], dtype=pl.String())
    assert tuple(read_values(values, column, False)[0] for column in columns) == by_machine
    assert tuple(read_values(values, column, True)[0] for column in columns) == by_hand


def test_points_group_thousands_where_commas_are_decimals(make_contract: Make) -> None:
    (column,) = make_contract([{"name": "f", "type": "number"}]).columns
    values = pl.Series("f", ["1.234", "12,5", "0.5"])
    assert read_values(values, column, True).to_list() == [1234, 12.5, 0.5]
    assert read_values(values, column, False).to_list() == [1.234, 12.5, 0.5], "a machine's points are decimal ones"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-07-01", date(2026, 7, 1)),
        ("01/07/2026", date(2026, 7, 1)),
        ("1/7/2026", date(2026, 7, 1)),
        ("01-07-2026", date(2026, 7, 1)),
        ("01.07.2026", date(2026, 7, 1)),
        ("2026/07/01", date(2026, 7, 1)),
        ("2026-07-01T00:30:00", date(2026, 7, 1)),
        ("2026-07-01 00:30:00", date(2026, 7, 1)),
        ("2026-06-30T17:30:00Z", date(2026, 7, 1)),
        ("2026-07-01 00:30:00+07", date(2026, 7, 1)),
        ("01/07/26", None),
        ("0026-07-01", None),
        ("31/02/2026", None),
        ("07/2026", None),
        ("45292", None),
        (None, None),
    ],
)
def test_days(make_contract: Make, text: str | None, day: date | None) -> None:
    date_column, month_column, moment_column = make_contract(
        [{"name": "d", "type": "date"}, {"name": "m", "type": "month"}, {"name": "t", "type": "timestamp"}]
    ).columns
    values = pl.Series("v", [text, "2026-07-01"], dtype=pl.String())
    assert read_values(values, date_column, True)[0] == day
    if text != "07/2026":
        assert read_values(values, month_column, True)[0] == day
    moment = read_values(values, moment_column, True)[0]
    assert (moment and (moment + timedelta(hours=7)).date()) == day


@pytest.mark.parametrize("text", ["2026-07", "07/2026", "7/2026", "07-2026", "2026/07", "15/07/2026", "2026-07-31"])
def test_months(make_contract: Make, text: str) -> None:
    (column,) = make_contract([{"name": "m", "type": "month"}]).columns
    assert read_values(pl.Series("m", [text, None, "2025-01"]), column, True).to_list() == [
        date(2026, 7, 1),
        None,
        date(2025, 1, 1),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01T08:00:00+07:00",
        "2026-07-01T01:00:00Z",
        "2026-07-01T01:00:00.000Z",
        "2026-07-01 08:00:00",
        "2026-07-01 08:00:00 +0700",
        "2026-07-01 08:00:00+07",
        "2026-07-01T08:00",
        "01/07/2026 08:00",
        "01/07/2026 08:00:00",
    ],
)
def test_moments(make_contract: Make, text: str) -> None:
    (column,) = make_contract([{"name": "t", "type": "timestamp"}]).columns
    values = pl.Series("t", [text, "01-07-2026", "2026-07-01T01:00:00Z", None])
    assert read_values(values, column, False).to_list() == [
        datetime(2026, 7, 1, 1, tzinfo=UTC),
        datetime(2026, 6, 30, 17, tzinfo=UTC),
        datetime(2026, 7, 1, 1, tzinfo=UTC),
        None,
    ]


def test_an_hour_that_was_there_twice(make_contract: Make, key: Key, now: datetime) -> None:
    contract = make_contract([{"name": "t", "type": "timestamp"}, {"name": "n", "type": "timestamp"}])
    twice = datetime(1975, 6, 12, 23, 30)  # clocks went back at midnight
    table = pl.DataFrame({"t": [twice.isoformat()], "n": [twice]})
    assert (
        admit(table, contract, None, key, now).accepted.row(0)[1:] == (datetime(1975, 6, 12, 15, 30, tzinfo=UTC),) * 2
    )


@pytest.mark.parametrize(
    ("column", "check", "message"),
    [
        ({"pattern": r"\d{12"}, "k = 'a'", "column k: pattern: .* is no regular expression"),
        ({}, "no_such_column = 1", "check rule: expression: no_such_column = 1 cannot be read"),
        ({}, "k =", "check rule: expression: k = cannot be read"),
        ({}, "length(k)", "check rule: .* not true or false"),
        ({"unit_reference": {"level": "commune", "at": "nowhere"}}, "k = 'a'", "at: nowhere is no kept column"),
    ],
)
def test_rules_that_cannot_be_read_are_found_with_the_contract(
    tmp_path: Path, column: dict[str, object], check: str, message: str
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    described = {"name": "k", "type": "text", "label": "K", "description": "K", **column}
    fields = {
        "dataset": "made.up",
        "title": "Thử",
        "description": "Made up",
        "tier": "sectoral",
        "owner": "tests",
        "mode": "full",
        "partition": "none",
        "schedule": "none",
        "source": {"protocol": "rest"},
        "key": ["k"],
        "columns": [described],
        "checks": [{"name": "rule", "expression": check, "message": "Sai"}],
    }
    (folder / "up.yaml").write_bytes(orjson.dumps(fields))  # JSON is YAML
    with pytest.raises(ContractError, match=message):
        read_contract(folder / "up.yaml")
