"""Excel workbooks as people make them: several sheets, titles, merged headings, dates as serial numbers."""

import io
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl
import python_calamine

from lake.connectors.base import SourceFormatError, spelling
from lake.connectors.excel_marks import Marks, read_marks
from lake.connectors.file_source import layout
from lake.connectors.headers import Header, find_header, most_known, no_header
from lake.connectors.reshape import clean, with_titles
from lake.contract import Contract
from lake.places import place_column

EPOCH = datetime(1899, 12, 30)  # serial numbers of days count from here
EPOCH_1904 = datetime(1904, 1, 1)
BELIEVED_SERIALS = (18264, 73050)  # 1950 to 2099; other numbers in a column of days are no days
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the stream that holds a workbook with a password
Cells = list[list[object]]


def read_excel(contract: Contract, name: str, content: bytes) -> pl.DataFrame:
    """The sheets of a workbook that hold the contract's columns, one below the other, and the rows' places.

    Raises SourceFormatError.
    """
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [(each, book.get_sheet_by_name(each.name)) for each in book.sheets_metadata if _is_table(each)]
        cells = {each.name: sheet.to_python(skip_empty_area=False) for each, sheet in sheets}
        marks = read_marks(content)
    except python_calamine.PasswordError:
        raise _password(contract, name) from None
    except (python_calamine.CalamineError, OSError, ValueError, KeyError, pl.exceptions.PanicException):
        if ENCRYPTED in content:  # a password, in a file that is broken besides
            raise _password(contract, name) from None
        raise SourceFormatError(f"{contract.dataset}: {name} is no readable Excel file; deliver it again") from None
    tables = []
    for each, sheet in sheets:
        rows = _marked([[None if cell == "" else cell for cell in row] for row in cells[each.name]], marks, each.name)
        place = f"{name}, sheet {each.name}"
        header = find_header(contract, rows, sheet.merged_cell_ranges or ())
        if header is None:
            if most_known(contract, rows) > 1:  # no sheet of notes, but data whose header is broken
                raise no_header(contract, place)
            continue
        if each.visible != python_calamine.SheetVisibleEnum.Visible:
            if layout(contract).hidden_sheets == "skip":
                continue
            raise SourceFormatError(
                f"{contract.dataset}: {place} is hidden but holds data; show it or delete it and deliver it again"
            )
        table = _table(contract, each.name, header.checked(contract, place), rows, marks.first_day_1904)
        tables.append(with_titles(table, contract, place, rows[: header.top]))
    if not tables:
        raise no_header(contract, name)
    return pl.concat(tables, how="diagonal_relaxed")


def _password(contract: Contract, name: str) -> SourceFormatError:
    return SourceFormatError(f"{contract.dataset}: {name} has a password; deliver it without one")


def _is_table(sheet: python_calamine.SheetMetadata) -> bool:
    return bool(sheet.typ == python_calamine.SheetTypeEnum.WorkSheet)


def _marked(rows: Cells, marks: Marks, sheet: str) -> Cells:
    """The cells with what the reader leaves out: errors of formulas, and the percent sign."""
    for (row, column), text in marks.errors.get(sheet, {}).items():
        if row < len(rows):
            rows[row] += [None] * (column + 1 - len(rows[row]))
            rows[row][column] = text
    for row, column in marks.percents.get(sheet, ()):
        if row < len(rows) and column < len(rows[row]) and type(cell := rows[row][column]) in (int, float):
            rows[row][column] = _number_text(round(float(str(cell)) * 100, 10)) + "%"
    return rows


def _table(contract: Contract, sheet: str, header: Header, rows: Cells, first_day_1904: bool) -> pl.DataFrame:
    body = [
        (at, row) for at, row in enumerate(rows[header.row + 1 :], header.row + 2) if any(c is not None for c in row)
    ]
    days = {
        spelling(source)
        for column in contract.columns
        if column.type in ("date", "month", "timestamp")
        for source in column.source_names
    }
    columns = []
    for name, at in header.places.items():
        cells = [row[at] if at < len(row) else None for _, row in body]
        if spelling(name) in days:
            cells = [_day(cell, EPOCH_1904 if first_day_1904 else EPOCH) for cell in cells]
        columns.append(_column(name, cells))
    numbers = pl.Series([at for at, _ in body], dtype=pl.Int64())
    return pl.DataFrame([*columns, place_column(sheet, numbers, header.places)])


def _day(cell: object, epoch: datetime) -> object:
    """A serial number as the moment it means; anything else as it is."""
    low, high = BELIEVED_SERIALS
    if type(cell) not in (int, float) or not low <= float(str(cell)) <= high:
        return cell
    moment = epoch + timedelta(seconds=round(float(str(cell)) * 86400))
    return moment if moment.time() != datetime.min.time() else moment.date()


def _column(name: str, cells: Sequence[object]) -> pl.Series:
    """A column of numbers as numbers, whole ones if all are; any other as text, dates and times in ISO 8601."""
    if all(cell is None or type(cell) in (int, float) for cell in cells):
        numbers = pl.Series(name, cells, dtype=pl.Float64(), strict=False)
        whole = (numbers == numbers.round(0)).fill_null(True) & (numbers.abs() < 2**53).fill_null(True)
        return numbers.cast(pl.Int64()) if whole.all() else numbers
    text = pl.Series(name, [_cell_text(cell) for cell in cells], dtype=pl.String())
    return text.to_frame().select(clean(pl.col(name))).to_series()


def _cell_text(cell: object) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, float):
        return _number_text(cell)
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


def _number_text(number: float) -> str:
    """A number beside texts: with three decimals it would look like one whose thousands a person grouped."""
    if number.is_integer():
        return str(int(number))
    text = repr(number)
    return f"{text}0" if re.search(r"\.\d{3}$", text) else text
