"""The rows of a sheet that name its columns: below titles, in one row or in up to three with group headings above."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lake.connectors.base import SourceFormatError, spelling
from lake.connectors.file_source import header_columns
from lake.contract import Column, Contract

HEADER_ROWS = 30  # titles may stand above the header, but not for longer
DEEPEST = 3  # rows of one header
BETWEEN = " | "  # a group's heading and the heading below it
Row = Sequence[object]
Merges = Sequence[tuple[tuple[int, int], tuple[int, int]]]  # first and last cell (row, column) of each, from 0


@dataclass(frozen=True)
class Header:
    """The rows that name the columns. row: place of the last of them from 0; names: "" for a cell without one, "group
    | name" below a group's heading unless the contract asks for the name alone; known: how many of them are the
    contract's; top: place of the first row."""

    row: int
    names: list[str]
    known: int
    top: int

    def checked(self, contract: Contract, name: str) -> "Header":
        """The header, if no column of the contract is named twice in it."""
        asked = _asked(header_columns(contract))
        spelt = Counter(spelling(column) for column in self.names)
        twice = sorted(column for column in self.names if spelt[spelling(column)] > 1 and spelling(column) in asked)
        if twice:
            raise SourceFormatError(
                f"{contract.dataset}: {name}: column {', '.join(twice)} is there twice; keep one and deliver it again"
            )
        return self

    @property
    def places(self) -> dict[str, int]:
        """The first place of each name."""
        chosen: dict[str, int] = {}
        for place, name in enumerate(self.names):
            if name:
                chosen.setdefault(name, place)
        return chosen


def find_header(contract: Contract, rows: Sequence[Row], merges: Merges = ()) -> Header | None:
    """The rows that name most of the contract's columns, at least half of those that must be there.

    Of several such places the one with the fewest rows, then the first.
    """
    columns = header_columns(contract)
    needed = sum(not column.optional for column in columns)
    best: Header | None = None
    for depth in range(1, DEEPEST + 1):
        for at in range(min(HEADER_ROWS, len(rows)) - depth + 1):
            names = _names(rows[at : at + depth], at, merges, columns)
            known = _known(columns, names)
            if known and 2 * known >= needed and (best is None or known > best.known):
                best = Header(at + depth - 1, names, known, at)
    return best


def most_known(contract: Contract, rows: Sequence[Row]) -> int:
    """How many of the contract's columns one row names at most."""
    columns = header_columns(contract)
    return max((_known(columns, [_text(cell) for cell in row]) for row in rows[:HEADER_ROWS]), default=0)


def no_header(contract: Contract, name: str) -> SourceFormatError:
    """What to say of a table whose header was not found."""
    expected = ", ".join(" or ".join(c.source_names) for c in header_columns(contract) if not c.optional)
    return SourceFormatError(
        f"{contract.dataset}: {name}: no header found in the first {HEADER_ROWS} rows; expected columns {expected}"
    )


def _names(rows: Sequence[Row], at: int, merges: Merges, columns: Sequence[Column]) -> list[str]:
    texts = [[_text(cell) for cell in row] for row in rows]
    width = max(map(len, texts), default=0)
    texts = [row + [""] * (width - len(row)) for row in texts]
    if len(texts) == 1:
        return texts[0]
    if not all(map(any, texts)):
        return []
    for depth in range(len(texts) - 1):
        texts[depth] = _spread(texts[depth], texts[depth + 1], at + depth, merges)
    asked = _asked(columns)
    parts = [[text for text in column if text] for column in zip(*texts, strict=True)]
    lowest = Counter(spelling(part[-1]) for part in parts if part)
    return [_name(part, asked, lowest) for part in parts]


def _name(parts: list[str], asked: set[str], lowest: Counter[str]) -> str:
    if not parts:
        return ""
    full, own = BETWEEN.join(parts), spelling(parts[-1])
    alone = spelling(full) not in asked and own in asked and lowest[own] == 1
    return parts[-1] if alone else full


def _spread(groups: list[str], below: list[str], at: int, merges: Merges) -> list[str]:
    """A row of group headings with each over all its columns: those merged, or else those that are blank beside it."""
    wide = [(first, last) for first, last in merges if first[0] == at and last[1] > first[1]]
    spread = list(groups)
    for (_, first), (_, last) in wide:
        spread[first : last + 1] = [groups[first]] * (min(last, len(groups) - 1) - first + 1)
    if not wide:
        for place in range(1, len(spread)):
            if not spread[place] and below[place]:
                spread[place] = spread[place - 1]
    return spread


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a year
    return "" if cell is None else " ".join(str(cell).split())


def _asked(columns: Sequence[Column]) -> set[str]:
    return {spelling(source) for column in columns for source in column.source_names}


def _known(columns: Sequence[Column], names: Sequence[str]) -> int:
    """How many of the contract's columns these names are."""
    there = {spelling(name) for name in names if name}
    return sum(any(spelling(source) in there for source in column.source_names) for column in columns)
