"""Workbooks and CSV as offices make them, not by our own writer: each cell is read right or refused by its address."""

import io
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import openpyxl
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.connectors import SourceFormatError, files
from lake.contract import Contract
from lake.door import Admitted, admit
from lake.pseudonyms import Key

COLUMNS: list[dict[str, Any]] = [
    {"name": "code", "source": "Mã dự án", "type": "text", "required": True},
    {"name": "title", "source": "Tên dự án", "type": "text", "optional": True},
    {"name": "plan", "source": ["Kế hoạch | Cả năm", "Cả năm"], "type": "number"},
    {"name": "paid", "source": ["Giải ngân | Lũy kế", "Lũy kế"], "type": "number"},
    {"name": "share", "source": "Tỷ lệ", "type": "number", "optional": True},
    {"name": "signed", "source": "Ngày ký", "type": "date", "optional": True},
]
TOP = ["Mã dự án", "Tên dự án", "Kế hoạch", None, "Giải ngân", None, "Tỷ lệ", "Ngày ký"]
SUB = [None, None, "Thủ tướng giao", "Cả năm", "Trong tháng", "Lũy kế", None, None]
ROW = ["A1", "Cầu dân sinh", 10, 12.5, 1, 2.25, 0.18, date(2026, 7, 9)]
FLAT = ["Mã dự án", "Tên dự án", "Cả năm", "Lũy kế", "Tỷ lệ", "Ngày ký"]
Make = Callable[..., Contract]


@pytest.fixture
def contract(make_contract: Make) -> Contract:
    return projects(make_contract)


def projects(make: Make, columns: list[dict[str, Any]] | None = None, **source: Any) -> Contract:
    return make(columns or COLUMNS, source={"protocol": "files", **source})


def book(*sheets: list[list[Any]], edit: Callable[[openpyxl.Workbook], None] | None = None) -> bytes:
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for number, rows in enumerate(sheets, 1):
        sheet = made.create_sheet(f"Bảng {number}")
        for row in rows:
            sheet.append(row)
    if edit:
        edit(made)
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def csv(*rows: list[str], separator: str = ";") -> str:
    return "".join(separator.join(row) + "\n" for row in rows)


@pytest.fixture
def through(key: Key, now: datetime) -> Callable[..., Admitted]:
    """A file's content through connector and door; nothing may be lost between."""

    def pass_through(contract: Contract, content: bytes | str, name: str = "x.xlsx") -> Admitted:
        written = content.encode() if isinstance(content, str) else content
        table, _ = files.decode(contract, name, written)
        admitted = admit(table, contract, None, key, now)
        assert len(table) == len(admitted.accepted) + len(admitted.quarantined)
        return admitted

    return pass_through


def values(admitted: Admitted, *columns: str) -> list[tuple[Any, ...]]:
    return admitted.accepted.select(columns).rows()


def refused(admitted: Admitted) -> dict[str, list[str]]:
    """Reasons of each refused row by its cells."""
    rows = admitted.quarantined.select("row", "reasons").iter_rows()
    return {orjson.loads(row)["_place"]: reasons for row, reasons in rows}


def merge(*cells: str) -> Callable[[openpyxl.Workbook], None]:
    def edit(made: openpyxl.Workbook) -> None:
        for one in cells:
            made.worksheets[0].merge_cells(one)

    return edit


@pytest.mark.parametrize("merged", [True, False])
def test_two_header_rows_below_titles(contract: Contract, through: Callable[..., Admitted], merged: bool) -> None:
    titles = [["ỦY BAN NHÂN DÂN TỈNH"], [], ["BÁO CÁO", None, None, "Đơn vị: triệu đồng"]]
    edit = merge("A1:H1", "A4:A5", "B4:B5", "C4:D4", "E4:F4", "G4:G5", "H4:H5") if merged else None
    admitted = through(contract, book([*titles, TOP, SUB, ROW], edit=edit))
    expected = [("A1", "Cầu dân sinh", 12.5, 2.25, 0.18, date(2026, 7, 9))]
    assert values(admitted, "code", "title", "plan", "paid", "share", "signed") == expected
    assert admitted.drift == ["Giải ngân | Trong tháng", "Kế hoạch | Thủ tướng giao"]


def test_the_same_heading_below_two_groups_is_told_apart(make_contract: Make, through: Callable[..., Admitted]) -> None:
    columns = [
        {"name": "code", "source": "Mã", "type": "text"},
        {"name": "plan", "source": "Kế hoạch | Năm", "type": "integer"},
        {"name": "paid", "source": "Giải ngân | Năm", "type": "integer"},
    ]
    rows = [["Mã", "Kế hoạch", None, "Giải ngân", None], [None, "Tháng", "Năm", "Tháng", "Năm"], ["A", 1, 2, 3, 4]]
    contract = projects(make_contract, columns)
    for content, name in (
        (book(rows, edit=merge("A1:A2", "B1:C1", "D1:E1")), "x.xlsx"),
        (csv(*[["" if cell is None else str(cell) for cell in row] for row in rows]).encode(), "x.csv"),
    ):
        assert values(through(contract, content, name), "code", "plan", "paid") == [("A", 2, 4)]
    alone = projects(make_contract, [columns[0], {**columns[1], "source": "Năm"}])
    with pytest.raises(SourceFormatError, match=r"column Năm is missing; found are"):
        through(alone, book(rows, edit=merge("A1:A2", "B1:C1", "D1:E1")))


def test_three_header_rows(make_contract: Make, through: Callable[..., Admitted]) -> None:
    columns = [
        {"name": "code", "source": "Mã", "type": "text"},
        {"name": "own", "source": "Vốn | Địa phương | Tỉnh", "type": "integer"},
        {"name": "central", "source": "Vốn | Trung ương", "type": "integer"},
    ]
    rows = [
        ["Mã", "Vốn", None, None],
        [None, "Trung ương", "Địa phương", None],
        [None, None, "Tỉnh", "Xã"],
        ["A", 5, 6, 7],
    ]
    content = book(rows, edit=merge("A1:A3", "B1:D1", "B2:B3", "C2:D2"))
    assert values(through(projects(make_contract, columns), content), "code", "own", "central") == [("A", 6, 5)]


def test_totals_and_notes_are_no_records_and_are_counted(make_contract: Make, key: Key, now: datetime) -> None:
    contract = projects(
        make_contract,
        skip_rows={"column": ["Mã dự án", "Tên dự án"], "values": ["Tổng cộng*", "Cộng", "(1)"]},
        until=["Ghi chú*"],
    )
    rows = [
        FLAT,
        ["(1)", "(2)", "(3)", "(4)"],
        ["A", "Cầu", 1, 2],
        [None, "  CỘNG  ", 1, 2],
        [],
        ["B", "Cộng đồng", 3, 4],
        ["TỔNG\u00a0CỘNG (2 dự án)", None, 4, 6],
        [None, "Ghi chú: tạm tính"],
        ["C", "Người lập biểu", None, None],
    ]
    for content, name in ((book(rows), "x.xlsx"), (book(rows, rows), "x.xlsx")):
        table, skipped = files.decode(contract, name, content)
        sheets = content.count(b"xl/worksheets/sheet") // 2
        assert (table["Mã dự án"].to_list(), skipped) == (["A", "B"] * sheets, 5 * sheets)
    bare = projects(make_contract)
    admitted = admit(files.decode(bare, "x.xlsx", book(rows))[0], bare, None, key, now)
    assert len(admitted.accepted) + len(admitted.quarantined) == 7, "without a word in the contract they are rows"
    lacking = projects(make_contract, skip_rows={"column": "Tỉnh", "values": ["Cộng"]})
    with pytest.raises(SourceFormatError, match=r"x\.xlsx: no column Tỉnh"):
        files.decode(lacking, "x.xlsx", book(rows))


def test_a_refused_cell_has_its_address(contract: Contract, through: Callable[..., Admitted]) -> None:
    second = [
        ["BÁO CÁO"],
        TOP,
        SUB,
        ["B1", None, 1, "nhiều", 1, "ít", None, "31/02/2026"],
        [None, "thiếu mã", 1, 2, 3, 4],
    ]
    admitted = through(contract, book([TOP, SUB, ROW], second))
    assert values(admitted, "code") == [("A1",)]
    assert refused(admitted) == {
        "Bảng 2!D4, Bảng 2!F4, Bảng 2!H4": ["type:plan", "type:paid", "type:signed"],
        "Bảng 2!A5": ["missing:code"],
    }
    flat = csv(FLAT, ["A", "Cầu", "1", "x", "", ""])
    assert refused(through(contract, "Báo cáo\n\n" + flat, "x.csv")) == {"D4": ["type:paid"]}


def test_hidden_sheets(make_contract: Make, through: Callable[..., Admitted]) -> None:
    def hide(made: openpyxl.Workbook) -> None:
        made.worksheets[1].sheet_state = "veryHidden"

    content = book([FLAT, ["A", "Cầu", 1, 2]], [FLAT, ["A", "bản cũ", 9, 9]], edit=hide)
    with pytest.raises(SourceFormatError, match=r"x\.xlsx, sheet Bảng 2 is hidden but holds data"):
        files.decode(projects(make_contract), "x.xlsx", content)
    skipped = through(projects(make_contract, hidden_sheets="skip"), content)
    assert values(skipped, "code", "plan") == [("A", 1)]
    notes = book([FLAT, ["A", "Cầu", 1, 2]], [["danh mục"], ["x"]], edit=hide)
    assert len(through(projects(make_contract), notes).accepted) == 1, "a hidden sheet of something else is no matter"


def with_cached_values(content: bytes, cached: dict[str, str]) -> bytes:
    """The workbook as Excel saves it after computing: formulas with their values."""
    old, new = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(new, "w") as made:
        for name in old.namelist():
            text = old.read(name).decode()
            for formula, value in cached.items():
                kind = ' t="e"' if value.startswith("#") else ""
                for empty in ("<v />", "<v></v>", "<v/>"):
                    text = text.replace(f"<f>{formula}</f>{empty}", f"<f>{formula}</f><v>{value}</v>")
                if kind:
                    start = text.find(f"<f>{formula}</f>")
                    if start > 0:
                        text = text[: start - 1] + kind + text[start - 1 :]
            made.writestr(name, text)
    return new.getvalue()


def test_formulas(contract: Contract, through: Callable[..., Admitted]) -> None:
    rows = [FLAT, ["A", "Cầu", "=1+1", "=2*2"], ["B", "Đường", "=1/0", 3], ["C", "Chợ", 5, "=9*9"]]
    content = with_cached_values(book(rows), {"1+1": "2", "2*2": "4", "1/0": "#DIV/0!"})
    admitted = through(contract, content)
    assert values(admitted, "code", "plan", "paid") == [("A", 2, 4)]
    assert refused(admitted) == {"Bảng 1!C3": ["type:plan"], "Bảng 1!D4": ["type:paid"]}, "never an empty cell"


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#NAME?", "#VALUE!"])
def test_error_cells(contract: Contract, through: Callable[..., Admitted], error: str) -> None:
    admitted = through(contract, book([FLAT, ["A", "Cầu", error, 2], ["B", "Chợ", 1, 2]]))
    assert values(admitted, "code") == [("B",)]
    assert refused(admitted) == {"Bảng 1!C2": ["type:plan"]}
    with pytest.raises(SourceFormatError, match=r"1 cells of column Tên dự án .*formula.*: Bảng 1!B3; mend"):
        files.decode(contract, "x.xlsx", book([FLAT, ["A", "Cầu", 1, 2], ["B", error, 1, 2]]))
    with pytest.raises(SourceFormatError, match=r"column Mã dự án .*: A2; mend"):
        files.decode(contract, "x.csv", csv(FLAT, [error, "Cầu", "1", "2", "", ""]).encode())


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (date(2026, 7, 9), date(2026, 7, 9)),
        (datetime(2026, 7, 9, 8, 30), date(2026, 7, 9)),
        (46212, date(2026, 7, 9)),
        ("09/07/2026", date(2026, 7, 9)),
        ("9/7/2026", date(2026, 7, 9)),
        ("09-07-2026", date(2026, 7, 9)),
        ("09.07.2026", date(2026, 7, 9)),
        ("2026-07-09", date(2026, 7, 9)),
        ("\u00a009/07/2026 ", date(2026, 7, 9)),
        (None, None),
    ],
)
def test_days(contract: Contract, through: Callable[..., Admitted], cell: object, day: date | None) -> None:
    admitted = through(contract, book([FLAT, ["A", "Cầu", 1, 2, None, cell], ["B", "Chợ", 1, 2, None, "01/01/2026"]]))
    assert values(admitted, "signed") == [(day,), (date(2026, 1, 1),)]


@pytest.mark.parametrize("cell", [2026, 0.5, "30/02/2026", "tháng 7", "07/09/26", 999999])
def test_what_is_no_day(contract: Contract, through: Callable[..., Admitted], cell: object) -> None:
    assert refused(through(contract, book([FLAT, ["A", "Cầu", 1, 2, None, cell]]))) == {"Bảng 1!F2": ["type:signed"]}


def test_days_since_1904(contract: Contract, through: Callable[..., Admitted]) -> None:
    def epoch(made: openpyxl.Workbook) -> None:
        made.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

    admitted = through(contract, book([FLAT, ["A", "Cầu", 1, 2, None, 46212 - 1462]], edit=epoch))
    assert values(admitted, "signed") == [(date(2026, 7, 9),)]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1.234.567,89", 1234567.89),
        ("1 234 567,89", 1234567.89),
        ("1\u00a0234\u202f567,89", 1234567.89),
        ("1,234,567.89", 1234567.89),
        ("-12,5", -12.5),
        (123.456, 123.456),
        (0, 0),
        ("", None),
    ],
)
def test_numbers_beside_vietnamese_ones(
    contract: Contract, through: Callable[..., Admitted], cell: object, number: float | None
) -> None:
    admitted = through(contract, book([FLAT, ["A", "Cầu", cell, 2], ["B", "Chợ", "0,25", 2], ["C", "Kè", 7, 2]]))
    assert values(admitted, "plan") == [(number,), (0.25,), (7,)]


@given(st.lists(st.floats(-1e9, 1e9).map(lambda number: round(number, 3)), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_a_number_cell_means_itself_whatever_stands_beside_it(make_contract: Make, numbers: list[float]) -> None:
    """A person's text with a decimal comma in the same column must not turn 123.456 into 123 456."""
    contract = projects(make_contract)
    rows = [[f"A{at}", "Cầu", number, 2] for at, number in enumerate(numbers)]
    table, _ = files.decode(contract, "x.xlsx", book([FLAT, *rows, ["Z", "Chợ", "1.234,5", 2]]))
    admitted = admit(table, contract, None, Key("test", b"k" * 32), datetime.fromisoformat("2026-11-23T00:00:00+07:00"))
    assert admitted.accepted["plan"].to_list() == [pytest.approx(number, abs=1e-6) for number in numbers] + [1234.5]


def test_percent(make_contract: Make, through: Callable[..., Admitted]) -> None:
    def percent(made: openpyxl.Workbook) -> None:
        for row, form in ((2, "0%"), (3, "0.00%"), (4, '0.0"%"')):
            made.worksheets[0].cell(row, 5).number_format = form

    rows = [
        FLAT,
        ["A", "Cầu", 1, 2, 0.855],
        ["B", "Chợ", 1, 2, 1.2],
        ["C", "Kè", 1, 2, 0.5],
        ["D", "Kè", 1, 2, "85,5 %"],
    ]
    content = book(rows, edit=percent)
    assert values(through(projects(make_contract), content), "share")[:2] == [(0.855,), (1.2,)]
    in_percent = [{**column, "unit": "%"} if column["name"] == "share" else column for column in COLUMNS]
    shares = values(through(projects(make_contract, in_percent), content), "share")
    assert shares[:2] == [(85.5,), (120.0,)] and shares[3] == (85.5,)


def test_blanks_that_are_not_seen(make_contract: Make, through: Callable[..., Admitted]) -> None:
    columns = [{**COLUMNS[0], "values": ["Sốt xuất huyết"]}, COLUMNS[2]]
    rows = [["Mã\u00a0dự  án\n", "\ufeffCả năm"[1:]], ["Sốt\u00a0xuất huyết\u200b", 1], ["\u00a0", None], [None, None]]
    admitted = through(projects(make_contract, columns), book(rows))
    assert values(admitted, "code", "plan") == [("Sốt xuất huyết", 1)]
    assert refused(admitted) == {"Bảng 1!A3": ["missing:code"]}


def test_duplicate_headers(contract: Contract, through: Callable[..., Admitted]) -> None:
    with pytest.raises(SourceFormatError, match=r"sheet Bảng 1: column CẢ NĂM, Cả năm is there twice"):
        files.decode(contract, "x.xlsx", book([[*FLAT, "CẢ NĂM"], ["A", "Cầu", 1, 2, None, None, 3]]))
    notes = through(contract, book([["Ghi chú", *FLAT, "Ghi chú"], ["x", "A", "Cầu", 1, 2, None, None, "y"]]))
    assert notes.drift == ["Ghi chú"] and values(notes, "plan", "paid") == [(1, 2)]


def test_a_sheet_that_does_not_begin_in_a1(contract: Contract, through: Callable[..., Admitted]) -> None:
    rows = [[], [], [None, None, *FLAT], [], [None, None, "A", "Cầu", "x", 2]]
    assert refused(through(contract, book(rows))) == {"Bảng 1!E5": ["type:plan"]}


def for_1258(text: str) -> bytes:
    """Text as Windows-1258 writes it: letters that it has, or bases with their tones after them."""
    return b"".join(_letter(one) for one in unicodedata.normalize("NFC", text))


def _letter(letter: str) -> bytes:
    try:
        return letter.encode("cp1258")
    except UnicodeEncodeError:
        parts = unicodedata.normalize("NFD", letter)
        tone = next(mark for mark in parts if mark in "\u0300\u0301\u0303\u0309\u0323")
        return (unicodedata.normalize("NFC", parts.replace(tone, "")) + tone).encode("cp1258")


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1258"])
def test_csv_of_any_machine(
    contract: Contract, through: Callable[..., Admitted], encoding: str, separator: str
) -> None:
    quoted = ["A1", '"Đường ""Hồ Xuân Hương"",\nđoạn 2; kè"', '"1.234,5"', '"0,25"', "", "09/07/2026"]
    text = "DANH MỤC\n\n" + csv(FLAT, quoted, [""] * 6, ["B", "Ở Đắk R'Lấp", "2", "x", "", ""], separator=separator)
    content = for_1258(text) if encoding == "cp1258" else text.encode(encoding)
    admitted = through(contract, content, "x.csv")
    assert values(admitted, "title", "plan", "paid", "signed") == [
        ('Đường "Hồ Xuân Hương",\nđoạn 2; kè', 1234.5, 0.25, date(2026, 7, 9))
    ]
    assert admitted.quarantined["reasons"].to_list() == [["type:paid"]]


def test_a_file_under_a_wrong_name_is_read_by_what_it_is(contract: Contract, through: Callable[..., Admitted]) -> None:
    workbook, text = book([FLAT, ["A", "Cầu", 1, 2]]), csv(FLAT, ["A", "Cầu", "1", "2", "", ""])
    for content, name in ((workbook, "x.csv"), (workbook, "x.xls"), (text, "x.xls"), (text.encode("utf-16"), "x.xlsx")):
        assert values(through(contract, content, name), "code", "plan") == [("A", 1)]
    with pytest.raises(SourceFormatError, match=r"x\.docx: no reader for \.docx; expected"):
        files.decode(contract, "x.docx", workbook)
    with pytest.raises(SourceFormatError, match=r"x\.parquet is no whole Parquet file"):
        files.decode(contract, "x.parquet", workbook)


@pytest.mark.parametrize("name", ["x.csv", "x.xlsx", "x.xls", "x.parquet", "x.geojson"])
def test_zero_bytes(contract: Contract, name: str) -> None:
    with pytest.raises(SourceFormatError, match=rf"made\.up: {name} is empty; deliver it again"):
        files.decode(contract, name, b"")


def test_a_password(contract: Contract) -> None:
    # an encrypted workbook is an OLE file with a stream of this name
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
    with pytest.raises(SourceFormatError, match=r"x\.xlsx has a password; deliver it without one"):
        files.decode(contract, "x.xlsx", header + "EncryptedPackage".encode("utf-16-le"))


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
def test_truncated_workbooks(contract: Contract, kept: float) -> None:
    content = book([FLAT, *[["A", "Cầu", 1, 2]] * 200])
    with pytest.raises(SourceFormatError, match="no readable Excel file; deliver it again"):
        files.decode(contract, "x.xlsx", content[: int(len(content) * kept)])


def test_periods_in_names_and_titles(make_contract: Make, through: Callable[..., Admitted]) -> None:
    columns = [*COLUMNS, {"name": "month", "type": "month", "required": True}]
    rows = [["BÁO CÁO"], ["Quý II năm 2026"], FLAT, ["A", "Cầu", 1, 2]]
    by_name = projects(make_contract, columns, from_name={"month": r"_(?P<month>\d\d)_(?P<year>\d{4})"})
    assert values(through(by_name, book(rows), "von_07_2026.xlsx"), "month") == [(date(2026, 7, 1),)]
    with pytest.raises(SourceFormatError, match=r"nothing in the name x\.xlsx tells what .* mend the file or its name"):
        files.decode(by_name, "x.xlsx", book(rows))
    by_title = projects(make_contract, columns, from_title={"month": r"Tháng (?P<month>\d+) năm (?P<year>\d{4})"})
    rows[1] = ["Tháng 9 năm 2026"]
    assert values(through(by_title, book(rows)), "month") == [(date(2026, 9, 1),)]
    text = "Tháng 10 năm 2026\n" + csv(FLAT, ["A", "Cầu", "1", "2", "", ""])
    assert values(through(by_title, text, "x.csv"), "month") == [(date(2026, 10, 1),)]


def test_years_as_columns(make_contract: Make, through: Callable[..., Admitted]) -> None:
    columns: list[dict[str, Any]] = [
        {"name": "unit", "source": "Đơn vị", "type": "text"},
        {"name": "year", "source": "năm", "type": "integer"},
        {"name": "value", "source": "giá trị", "type": "number"},
    ]
    unpivot = {"columns": r"(?:Năm )?(\d{4})(?: \(sơ bộ\))?", "name": "năm", "value": "giá trị"}
    contract = make_contract(columns, source={"protocol": "files", "unpivot": unpivot}, key=["unit", "year"])
    rows = [["Niên giám"], ["Đơn vị", "Năm 2023", 2024, "2025 (sơ bộ)"], ["Lâm Đồng", 1.5, 2, "x"], ["Huế", 4, 5, 6]]
    admitted = through(contract, book(rows))
    assert sorted(values(admitted, "unit", "year", "value")) == [
        ("Huế", 2023, 4), ("Huế", 2024, 5), ("Huế", 2025, 6), ("Lâm Đồng", 2023, 1.5), ("Lâm Đồng", 2024, 2),
    ]  # fmt: skip
    assert refused(admitted) == {"Bảng 1!D3": ["type:value"]}


def test_a_contract_that_says_it_wrongly(make_contract: Make) -> None:
    wrong = projects(make_contract, skip_row={"column": "x", "values": ["y"]})
    with pytest.raises(SourceFormatError, match=r"made\.up: mend the contract: source\.skip_row: Extra inputs"):
        files.decode(wrong, "x.xlsx", book([FLAT]))


def test_all_columns_of_a_long_workbook(contract: Contract, through: Callable[..., Admitted]) -> None:
    rows = [[f"A{n}", f"Dự án {n}", n, n / 2, None, None] for n in range(2000)]
    admitted = through(contract, book([FLAT, *rows]))
    assert admitted.accepted.select(pl.col("plan").sum(), pl.col("paid").sum()).row(0) == (1999000, 999500)
