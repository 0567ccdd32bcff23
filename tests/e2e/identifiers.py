"""The identifiers that the stand-in sources made up, and the search for them in what an installation wrote.

There are some hundred thousand, so that one in a thousand of all digits 09######## is one of them. What no person wrote
(hashes, names of loads, fractions of numbers) is therefore left out: it holds thousands of such runs by chance.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import polars as pl

# the columns of the sources that name persons, and the identifiers planted into texts, as they were written there
COLUMNS = {
    "citizen_number", "phone", "officer", "so_dinh_danh", "soDinhDanhBenA", "soDinhDanhBenB", "soDinhDanhChuHo",
    "soDinhDanhChuSoHuu", "identifier", "_identifier",
}  # fmt: skip
# phone and citizen numbers, malformed ones of 11 digits too; whole, or in groups as people write them
NUMBER = re.compile(
    rb"(?<!\d)(?<!\d\.)(?:0\d{9,11}|0\d{3}([ .-]|\xc2\xa0)\d{3}\1\d{3}|0\d\d([ .-]|\xc2\xa0)\d{3}\2\d{3}\2\d{3})(?!\d)"
)
RUN = re.compile(rb"\d+(?:(?:[ .-]|\xc2\xa0)\d+)+")
MAIL, PLATE = re.compile(rb"@[\w.-]{1,64}"), re.compile(rb"(?<!\d)\d\d[A-Z]-\d{3}\.\d\d(?!\d)")
BEFORE_AT = re.compile(rb"[\w.+-]+$")
NEAR = 80  # bytes around a number in which what holds it is looked for
WRITTEN_BY_NOBODY = re.compile(
    rb"[0-9a-fA-F]{32,}"  # pseudonyms, fingerprints of rows, what SQL dumps of bytes
    rb"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    rb"|\d{8}T\d{6,12}Z"  # in the name of a load
    rb"|[:,\[(] ?-?\d+\.\d+(?:e[+-]?\d+)?(?= ?[,}\])])"  # a number of JSON or SQL
)


def made_up(folder: Path) -> set[bytes]:
    """Every identifier in the tables below a folder: numbers without separators, other ones as written."""
    found: set[str] = set()
    for path in folder.rglob("*.parquet"):
        frame = pl.read_parquet(path)
        for name in COLUMNS & set(frame.columns):
            found |= set(frame[name].drop_nulls().unique().to_list())
    bare = {re.sub(r"[ .\-\xa0]", "", one) for one in found}
    numbers = {one for one in bare if re.fullmatch(r"\d{10,12}", one)}
    others = {one for one in found if "@" in one or PLATE.fullmatch(one.encode())}
    return {one.encode() for one in numbers | others}


def identifiers_in(content: bytes, known: set[bytes], texts: bool = False) -> set[bytes]:
    """Those of `known` that a content holds. texts: also numbers grouped in any way, as only texts can hold them."""
    found = {match[0] for match in PLATE.finditer(content)}
    for match in MAIL.finditer(content):
        name = BEFORE_AT.search(content[max(0, match.start() - 64) : match.start()])
        found.add((name[0] if name else b"") + match[0])
    for match in NUMBER.finditer(content):
        number = _bare(match[0])
        if number in known and not _is_part(content, match.start(), match.end()):
            found.add(number)
    if texts:
        for run in set(RUN.findall(WRITTEN_BY_NOBODY.sub(b"#", content))):
            found.update(_joined(re.findall(rb"\d+", run)))
    return found & known


def _is_part(content: bytes, start: int, end: int) -> bool:
    """Whether a number is but a part of what nobody wrote."""
    first = max(0, start - NEAR)
    near = WRITTEN_BY_NOBODY.finditer(content[first : end + NEAR])
    return any(one.start() <= start - first and end - first <= one.end() for one in near)


def _bare(number: bytes) -> bytes:
    return re.sub(rb"\D", b"", number)


def _joined(groups: list[bytes]) -> Iterable[bytes]:
    """Neighbouring groups of digits put together to 10, 11 or 12 digits."""
    for first in range(len(groups)):
        number = b""
        for group in groups[first:]:
            number += group
            if len(number) > 12:
                break
            if len(number) >= 10:
                yield number
