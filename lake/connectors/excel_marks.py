"""What the reader of workbooks leaves out, from the XML of an .xlsx file: errors, formulas never computed, percent."""

import html
import io
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import PurePosixPath

Cell = tuple[int, int]  # row and column from 0
NOT_COMPUTED = "#FORMULA"
PERCENT_FORMATS = {b"9", b"10"}  # built in: 0% and 0.00%
_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_VALUE = re.compile(rb"<(?:\w+:)?v(?: [^>]*)?>([^<]+)</")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b")


@dataclass(frozen=True)
class Marks:
    """By sheet: errors and NOT_COMPUTED with their cells, cells shown in percent. first_day_1904: of the workbook."""

    errors: dict[str, dict[Cell, str]] = field(default_factory=dict)
    percents: dict[str, list[Cell]] = field(default_factory=dict)
    first_day_1904: bool = False


def read_marks(content: bytes) -> Marks:
    """The marks of an .xlsx file; none for another kind of file. Raises KeyError or ValueError for a broken one."""
    if not content.startswith(b"PK"):
        return Marks()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            return _marks(book)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(str(error)) from None


def _marks(book: zipfile.ZipFile) -> Marks:
    names = set(book.namelist())
    if "xl/workbook.xml" not in names:
        return Marks()  # a binary workbook
    workbook = book.read("xl/workbook.xml")
    relations = book.read("xl/_rels/workbook.xml.rels")
    targets = {
        _of(b"Id", tag): _of(b"Target", tag) for tag in re.findall(rb"<(?:\w+:)?Relationship\b[^>]*>", relations)
    }
    percent_styles = _percent_styles(book.read("xl/styles.xml")) if "xl/styles.xml" in names else set()
    marks = Marks(first_day_1904=bool(re.search(rb"date1904=\"(1|true)\"", workbook)))
    for tag in re.findall(rb"<(?:\w+:)?sheet\b[^>]*>", workbook):
        target = targets.get(_of(rb"\w+:id", tag), b"").decode()
        path = target.removeprefix("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
        if path in names:
            sheet = html.unescape(_of(b"name", tag).decode())
            marks.errors[sheet], marks.percents[sheet] = _cells(book.read(path), percent_styles)
    return marks


def _of(attribute: bytes, tag: bytes) -> bytes:
    found = re.search(rb"[\s:]" + attribute + rb"=\"([^\"]*)\"|\s" + attribute + rb"='([^']*)'", tag)
    return (found[1] or found[2] or b"") if found else b""


def _percent_styles(styles: bytes) -> set[bytes]:
    """The numbers of the cell styles that show a percent sign."""
    formats = set(PERCENT_FORMATS)
    for tag in re.findall(rb"<(?:\w+:)?numFmt\b[^>]*>", styles):
        if b"%" in _of(b"formatCode", tag):
            formats.add(_of(b"numFmtId", tag))
    block = re.search(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", styles, re.DOTALL)
    uses = re.findall(rb"<(?:\w+:)?xf\b[^>]*>", block[0]) if block else []
    return {str(at).encode() for at, tag in enumerate(uses) if _of(b"numFmtId", tag) in formats}


def _cells(sheet: bytes, percent_styles: set[bytes]) -> tuple[dict[Cell, str], list[Cell]]:
    errors: dict[Cell, str] = {}
    percents: list[Cell] = []
    if not (b't="e"' in sheet or _FORMULA.search(sheet) or percent_styles):
        return errors, percents  # the usual sheet: no need to look at every cell
    for attributes, inner in _CELL.findall(sheet):
        kind = _of(b"t", b" " + attributes)
        value = _VALUE.search(inner)
        if kind == b"e":
            errors[_address(attributes)] = html.unescape(value[1].decode()) if value else NOT_COMPUTED
        elif _FORMULA.search(inner) and not value and kind != b"str":
            errors[_address(attributes)] = NOT_COMPUTED
        elif kind in (b"", b"n") and value and _of(b"s", b" " + attributes) in percent_styles:
            percents.append(_address(attributes))
    return errors, percents


def _address(attributes: bytes) -> Cell:
    letters, row = re.fullmatch(r"([A-Z]+)(\d+)", _of(b"r", b" " + attributes).decode()).groups()  # type: ignore[union-attr]
    column = 0
    for each in letters:
        column = column * 26 + ord(each) - ord("A") + 1
    return int(row) - 1, column - 1
