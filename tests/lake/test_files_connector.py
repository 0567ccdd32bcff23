"""Files as people deliver them: encodings, separators, titles, sheets, and the ways in which they are broken."""

import io
import os
import time
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import openpyxl
import orjson
import polars as pl
import pytest

from lake.connectors import Extract, SourceError, SourceFormatError, files, folders
from lake.contract import Contract
from lake.door import admit
from lake.pseudonyms import Key
from lake.references import Units
from lake.settings import Settings, SettingsError

SHARED = Path(os.environ.get("KHO_SHARED", Path(__file__).parents[2].parent / "shared"))
HEADER = ["Đơn vị", "Tháng", "Bệnh", "Số ca", "Dân số", "Lượng mưa", "Nhiệt độ"]
ROW = ["Lâm Đồng", "2026-07", "Sốt xuất huyết", "1.234", "3.872.999", "12,5", "21,3"]
Install = Callable[..., Settings]


@pytest.fixture
def reports(contracts: dict[str, Contract]) -> Contract:
    return contracts["health.monthly_reports"]


def drop(folder: Path, name: str, content: bytes, age: float = 60) -> Path:
    """Put a file there that was finished some seconds ago."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return path


def lines(*rows: list[str], separator: str = ";") -> str:
    return "".join(separator.join(row) + "\r\n" for row in rows)


def workbook(*sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def extracts(contract: Contract, settings: Settings) -> list[Extract]:
    return list(files.read(contract, None, settings))


def decode(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    """The records of a file, without their places."""
    return files.decode(contract, name, content)[0].drop("_place", strict=False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1258"])
def test_encodings(
    reports: Contract, units: Units, key: Key, now: datetime, tmp_path: Path, installation: Install, encoding: str
) -> None:
    text = lines(HEADER, ROW)
    if encoding == "cp1258":  # it has few composed letters: bases and tones are written one after the other
        text = "".join(_for_1258(letter) for letter in text)
    drop(tmp_path / "drop", "x_monthly.csv", text.encode(encoding))
    (extract,) = extracts(reports, installation(HEALTH_DROP_FOLDER=tmp_path / "drop"))
    admitted = admit(extract.table, reports, units, key, now)
    assert admitted.drift == []
    assert admitted.accepted.drop("_load_id").row(0, named=True) == {
        "unit_code": "68",
        "month": date(2026, 7, 1),
        "disease_code": "dengue",
        "cases": 1234,
        "population": 3_872_999,
        "rainfall_mm_per_day": 12.5,
        "mean_temperature_c": 21.3,
        "mean_relative_humidity_pct": None,
        "source_unit_id": None,
    }


def _for_1258(letter: str) -> str:
    """A letter as Windows-1258 writes it: without its tone, and the tone after it."""
    try:
        letter.encode("cp1258")
        return letter
    except UnicodeEncodeError:
        parts = unicodedata.normalize("NFD", letter)
        tones = [mark for mark in parts[1:] if mark in "\u0300\u0301\u0303\u0309\u0323"]
        rest = "".join(mark for mark in parts if mark not in tones)
        return unicodedata.normalize("NFC", rest) + "".join(tones)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_titles_above_the_header_and_totals_below(reports: Contract, separator: str) -> None:
    title = "Báo cáo tháng; Sở Y tế, tỉnh Lâm Đồng\r\n\r\n"
    quoted = [f'"{cell}"' for cell in ROW]
    text = title + lines(HEADER, quoted, [""] * len(ROW), ["Tổng cộng", *[""] * 6], separator=separator)
    table = decode(reports, "x.csv", text.encode())
    assert table.columns == HEADER
    assert table.rows()[0] == tuple(ROW)
    assert table["Đơn vị"].to_list() == ["Lâm Đồng", "Tổng cộng"], "a total is a row that the door refuses, not nothing"


def test_a_row_with_a_cell_too_many_does_not_shift(reports: Contract) -> None:
    comma_in_a_number = lines(HEADER, ["Lâm Đồng", "2026-07", "Cúm", "1", "2", "12,5", "20"], separator=",")
    with pytest.raises(SourceFormatError, match=r"x\.csv: 1 rows with more cells than the header.*decimal comma"):
        decode(reports, "x.csv", comma_in_a_number.encode())
    good = lines(HEADER, *[["Lâm Đồng", "2026-07", "Cúm", "1", "2", "3", "4"]] * 3, separator=",")
    with pytest.raises(SourceFormatError, match="more cells than the header"):
        decode(reports, "x.csv", (good + "a," * 40 + "\n").encode())
    trailing = "".join(line + ";\n" for line in lines(HEADER, ROW).splitlines())
    assert decode(reports, "x.csv", trailing.encode()).rows() == [tuple(ROW)], "a separator at the end is no cell"
    with pytest.raises(SourceFormatError, match="quotation mark that does not end"):
        decode(reports, "x.csv", (lines(HEADER, ROW) + '"Lâm Đồng;2026-08;Cúm;1;2;3;4\n').encode())


def test_cells_over_several_lines(reports: Contract) -> None:
    header = [*HEADER[:5], '"Lượng\nmưa"', "NHIỆT  ĐỘ"]
    table = decode(reports, "x.csv", lines(header, [*ROW[:5], '"12,5"', "21"]).encode())
    assert table.columns[5:] == ["Lượng mưa", "NHIỆT ĐỘ"]
    assert table.rows()[0][5:] == ("12,5", "21")


def test_text_that_is_cut_within_a_letter(reports: Contract) -> None:
    content = lines(HEADER, ROW, ["Đắ"]).rstrip().encode()[:-1]
    with pytest.raises(SourceFormatError, match=r"x\.csv is neither whole UTF-8, UTF-16 nor Windows-1258"):
        decode(reports, "x.csv", content)
    with pytest.raises(SourceFormatError, match="neither whole"):
        decode(reports, "x.csv", lines(HEADER, ROW).encode("utf-16")[:-1])


def test_a_column_named_twice(reports: Contract) -> None:
    with pytest.raises(SourceFormatError, match="column SỐ CA, Số ca is there twice"):
        decode(reports, "x.csv", lines([*HEADER, "SỐ CA"], [*ROW, "9"]).encode())


def test_excel_with_titles_and_several_sheets(reports: Contract, units: Units, key: Key, now: datetime) -> None:
    first = [
        ["BÁO CÁO THÁNG"],
        [None, "Sở Y tế"],
        [],
        HEADER,
        ["Lâm Đồng", date(2026, 7, 1), "Cúm", 12, 3872999, 12.5, 21],
    ]
    second = [HEADER, ["Lâm Đồng", "08/2026", "Sởi", None, 3872999, "3,25", 20.5]]
    notes = [["Ghi chú"], ["Số liệu sơ bộ"]]
    table = decode(reports, "x.xlsx", workbook(first, second, notes))
    admitted = admit(table, reports, units, key, now)
    assert admitted.quarantined.is_empty()
    kept = admitted.accepted.select("month", "disease_code", "cases", "rainfall_mm_per_day", "mean_temperature_c")
    assert kept.rows() == [
        (date(2026, 7, 1), "influenza", 12, 12.5, 21.0),
        (date(2026, 8, 1), "measles", None, 3.25, 20.5),
    ]


def test_whole_numbers_of_excel_are_codes_too(make_contract: Callable[..., Contract], key: Key, now: datetime) -> None:
    contract = make_contract(
        [{"name": "code", "type": "text"}, {"name": "share", "type": "number"}], source={"protocol": "files"}
    )
    table = decode(contract, "x.xlsx", workbook([["code", "share"], [68, 1.234], [1, 2]]))
    assert table.schema == {"code": pl.Int64(), "share": pl.Float64()}
    assert admit(table, contract, None, key, now).accepted.select("code", "share").rows() == [("68", 1.234), ("1", 2)]


def test_excel_with_a_missing_column(reports: Contract, units: Units, key: Key, now: datetime) -> None:
    table = decode(reports, "x.xlsx", workbook([HEADER[:-1], ROW[:-1]]))
    with pytest.raises(SourceFormatError, match=r"mean_temperature or Nhiệt độ is missing; found are .*Số ca"):
        admit(table, reports, units, key, now)


def test_a_sheet_of_data_whose_header_is_broken_is_not_passed_over(reports: Contract) -> None:
    broken = [["Đơn vị", "Tháng", "?", "?", "?", "?", "?"], ROW]
    with pytest.raises(SourceFormatError, match=r"x\.xlsx, sheet Sheet1: no header found .*expected columns"):
        decode(reports, "x.xlsx", workbook([HEADER, ROW], broken))


def test_a_text_under_the_name_of_a_workbook_is_told_as_one(reports: Contract) -> None:
    with pytest.raises(SourceFormatError, match=r"x\.xlsx is no workbook, and as text: .*no header found"):
        decode(reports, "x.xlsx", "Kính gửi các đơn vị\n".encode())


@pytest.mark.parametrize("name", ["x.xlsx", "x.xls", "x.parquet", "x.csv", "x.geojson"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04half", b"PAR1", b"\x00\x01\x02", b"{"])
def test_files_that_are_no_such_files(reports: Contract, name: str, content: bytes) -> None:
    with pytest.raises(SourceFormatError, match=rf"health\.monthly_reports: .*{name}"):
        decode(reports, name, content)


@pytest.mark.parametrize("suffix", ["xlsx", "parquet"])
def test_half_a_file(reports: Contract, suffix: str) -> None:
    if suffix == "xlsx":
        content = workbook([HEADER, *[ROW] * 50])
    else:
        buffer = io.BytesIO()
        pl.DataFrame([ROW] * 50, HEADER, orient="row").write_parquet(buffer)
        content = buffer.getvalue()
    assert len(decode(reports, f"x.{suffix}", content)) == 50
    for length in range(0, len(content) - 1, max(1, len(content) // 40)):
        with pytest.raises(SourceFormatError):
            decode(reports, f"x.{suffix}", content[:length])


def test_one_bad_file_does_not_stop_the_others(reports: Contract, tmp_path: Path, installation: Install) -> None:
    folder = tmp_path / "drop"
    drop(folder, "a_monthly.parquet", b"PAR1 half", age=30)
    drop(folder, "B_MONTHLY.CSV", lines(HEADER, ROW).encode(), age=20)
    closed = drop(folder, "c_monthly.csv", lines(HEADER, ROW, ROW).encode(), age=10)
    closed.chmod(0)
    drop(folder, "~$a_monthly.xlsx", b"lock")
    drop(folder, ".d_monthly.csv", b"hidden")
    drop(folder, "e_monthly.csv.tmp", b"unfinished")
    drop(folder, "notes.txt", b"not asked for")
    settings = installation(HEALTH_DROP_FOLDER=folder)
    found = extracts(reports, settings)
    assert [extract.file.name for extract in found if extract.file][:2] == ["a_monthly.parquet", "B_MONTHLY.CSV"]
    assert "a_monthly.parquet is no whole Parquet file" in str(found[0].error)
    assert found[1].error is None and len(found[1].table) == 1
    if os.geteuid() != 0:  # root may open everything
        assert found[2].file is None and "c_monthly.csv cannot be opened" in str(found[2].error)
    known = {extract.file.sha256 for extract in found if extract.file}
    assert [e for e in files.read(reports, None, settings, skip=known) if e.file] == []


def test_a_file_that_grows_is_left_for_later(
    reports: Contract, tmp_path: Path, installation: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(tmp_path / "drop", "a_monthly.csv", lines(HEADER, ROW).encode(), age=0)
    settings = installation(HEALTH_DROP_FOLDER=tmp_path / "drop")

    def write_more(seconds: float) -> None:
        path.write_bytes(path.read_bytes() + lines(ROW).encode())

    with monkeypatch.context() as patch:
        patch.setattr(folders.time, "sleep", write_more)
        assert folders.complete_files(reports, settings) == []
        patch.setattr(folders.time, "sleep", lambda seconds: None)
        assert [file.name for file in folders.complete_files(reports, settings)] == [path.name]
        patch.setattr(folders.time, "sleep", lambda seconds: path.unlink())
        assert folders.complete_files(reports, settings) == [], "taken away while we looked"


def test_a_folder_that_is_not_there(
    contracts: dict[str, Contract], reports: Contract, tmp_path: Path, installation: Install
) -> None:
    with pytest.raises(SettingsError, match="HEALTH_DROP_FOLDER is not set"):
        extracts(reports, installation())
    with pytest.raises(SourceError, match=r"the folder \$\{HEALTH_DROP_FOLDER\} is not there"):
        extracts(reports, installation(HEALTH_DROP_FOLDER=tmp_path / "no"))
    optional = contracts["admin.boundaries"]
    assert extracts(optional, installation()) == []
    assert extracts(optional, installation(BOUNDARIES_FOLDER=tmp_path / "no")) == []


def feature(geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def square(x: float, y: float) -> list[list[list[float]]]:
    hole = [[x + 0.1, y + 0.1], [x + 0.2, y + 0.1], [x + 0.2, y + 0.2], [x + 0.1, y + 0.1]]
    return [[[x, y], [x + 1.0000001, y], [x + 1, y + 1], [x, y]], hole]


def test_boundaries(contracts: dict[str, Contract], units: Units, key: Key, now: datetime) -> None:
    contract = contracts["admin.boundaries"]
    own, other = "24829", "00004"
    collection = {
        "type": "FeatureCollection",
        "features": [
            feature({"type": "MultiPolygon", "coordinates": [square(108, 11), square(110, 11)]}, ma=own, ten="A"),
            feature({"type": "Polygon", "coordinates": square(106, 21)}, ma=other),
            feature({"type": "Polygon", "coordinates": square(112, 11)}, ma=own, ten="one more island"),
            feature({"type": "Polygon", "coordinates": square(113, 11)}, ma="99999"),
            feature({"type": "Point", "coordinates": [108, 11]}, ma=own),
            feature(None, ma=own),
        ],
    }
    table = decode(contract, "x.geojson", orjson.dumps(collection))
    admitted = admit(table, contract, units, key, now)
    assert len(table) == len(admitted.accepted) + len(admitted.quarantined) == 7
    assert admitted.accepted.select("unit_code", "part").rows() == [(own, 0), (own, 1), (other, 0), (own, 2)]
    assert orjson.loads(admitted.accepted["ring"][0]) == [[108.0, 11.0], [109.0, 11.0], [109.0, 12.0], [108.0, 11.0]]
    assert admitted.quarantined["reasons"].to_list() == [["unknown_unit:unit_code"], ["missing:ring"], ["missing:ring"]]
    assert admitted.drift == ["ten"]


def test_boundaries_in_metres_are_refused(contracts: dict[str, Contract]) -> None:
    metres = {"features": [feature({"type": "Polygon", "coordinates": square(560_000, 1_300_000)}, ma="24829")]}
    with pytest.raises(SourceFormatError, match=r"not degrees of longitude and latitude; .*EPSG:4326"):
        decode(contracts["admin.boundaries"], "x.geojson", orjson.dumps(metres))


def test_real_boundaries(contracts: dict[str, Contract], units: Units, key: Key, now: datetime) -> None:
    path = SHARED / "data/admin_vn/wards_3321_simplified.geojson"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    contract = contracts["admin.boundaries"]
    table = decode(contract, path.name, path.read_bytes())
    admitted = admit(table, contract, units, key, now)
    assert len(table) == len(admitted.accepted) + len(admitted.quarantined)
    assert admitted.accepted["unit_code"].n_unique() == 3320
    # the file and the package give one commune (Ba Chẽ, Quảng Ninh) different codes
    assert set(admitted.quarantined["record_id"]) == {"06978|0"}


def test_the_real_dengue_file_needs_nothing_but_its_contract(
    reports: Contract, units: Units, key: Key, now: datetime, installation: Install
) -> None:
    path = SHARED / "data/disease_vn/chap_VNM_admin1_monthly.csv"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    (extract,) = extracts(reports, installation(HEALTH_DROP_FOLDER=path.parent))
    admitted = admit(extract.table, reports, units, key, now)
    accepted = admitted.accepted
    assert (len(extract.table), len(accepted), len(admitted.quarantined)) == (9828, 9828, 0)
    assert admitted.drift == []
    assert accepted["cases"].null_count() == 216, "missing is missing and not zero"
    assert accepted["unit_code"].n_unique() == 63
    assert set(accepted["disease_code"]) == {"dengue"}
    own = pl.read_csv(path)
    own_years = own.group_by(year=pl.col("time_period").str.head(4).cast(pl.Int32())).agg(pl.col("disease_cases").sum())
    years = accepted.group_by(year=pl.col("month").dt.year()).agg(pl.col("cases").sum())
    assert dict(years.iter_rows()) == dict(own_years.iter_rows())
    assert accepted["rainfall_mm_per_day"].to_list() == own["rainfall"].to_list()
    assert accepted["mean_temperature_c"].to_list() == own["mean_temperature"].to_list()
