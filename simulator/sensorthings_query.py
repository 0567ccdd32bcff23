"""The query language of SensorThings as far as the service speaks it: $expand, $select, $filter, $orderby, paging."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from simulator.office_calendar import LOCAL
from simulator.result_sets import QueryError

MAX_PAGE_SIZE = 10_000
PAGE_SIZE = 100
OPTIONS = ("$filter", "$expand", "$select", "$top", "$skip", "$count", "$orderby", "$resultFormat")
# names in a query -> columns of the observations
_COLUMNS = {
    "id": "id",
    "@iot.id": "id",
    "Datastream/id": "datastream",
    "Datastream/@iot.id": "datastream",
    "phenomenonTime": "phenomenon_at",
    "resultTime": "result_at",
    "result": "result",
}
_COMPARISON = re.compile(r"([@\w./]+)\s+(ge|gt|le|lt|eq)\s+(\S+)")


@dataclass(frozen=True)
class Wish:
    """What of an entity is wanted. select: None for everything. expand: by navigation property."""

    select: list[str] | None = None
    expand: dict[str, "Wish"] = field(default_factory=dict)


@dataclass(frozen=True)
class Paging:
    """A slice of a list, and whether its whole length is told."""

    top: int
    skip: int
    count: bool


def read_wish(options: Mapping[str, str]) -> Wish:
    """$select and $expand, with options of its own within the brackets of each expansion. Raises QueryError."""
    select = [name.strip() for name in options["$select"].split(",")] if options.get("$select") else None
    expand: dict[str, Wish] = {}
    for part in _split(options.get("$expand", ""), ","):
        name, bracket, inner = part.partition("(")
        if bracket and not inner.endswith(")"):
            raise QueryError(f"$expand has a bracket without its end in {part!r}")
        nested = dict(option.partition("=")[::2] for option in _split(inner[:-1], ";"))
        if unknown := set(nested) - {"$select", "$expand"}:
            raise QueryError(f"$expand: {', '.join(sorted(unknown))} is not spoken here; $select and $expand are")
        first, slash, rest = name.strip().partition("/")
        if slash:  # Thing/Locations, as in version 1.0
            nested = {"$expand": rest + (f"({inner}" if bracket else "")}
        expand[first] = read_wish(nested)
    return Wish(select, expand)


def _split(text: str, sign: str) -> list[str]:
    """Parts between signs that stand outside of brackets."""
    parts, depth, begin = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == sign and depth == 0:
            parts.append(text[begin:place])
            begin = place + 1
    return [part.strip() for part in [*parts, text[begin:]] if part.strip()]


def read_paging(options: Mapping[str, str]) -> Paging:
    """$top (cut to the largest page), $skip and $count. Raises QueryError."""
    top, skip = options.get("$top", str(PAGE_SIZE)), options.get("$skip", "0")
    for name, text in (("$top", top), ("$skip", skip)):
        if not text.isdecimal():
            raise QueryError(f"{name} must be a whole number")
    if options.get("$count", "false") not in ("true", "false"):
        raise QueryError("$count must be true or false")
    return Paging(min(int(top), MAX_PAGE_SIZE), int(skip), options.get("$count") == "true")


def observation_filter(text: str) -> pl.Expr:
    """Comparisons of id, Datastream/id, phenomenonTime (an interval counts by its start), resultTime, result."""
    wanted = pl.lit(True)
    for part in re.split(r"\s+and\s+", text.strip()) if text.strip() else []:
        found = _COMPARISON.fullmatch(part.strip().removeprefix("(").removesuffix(")"))
        if found is None or found[1] not in _COLUMNS:
            raise QueryError(f"$filter: {part!r} is not understood; comparisons joined by `and` are")
        column = pl.col(_COLUMNS[found[1]])
        value = _literal(_COLUMNS[found[1]], found[3])
        wanted &= {
            "ge": column >= value, "gt": column > value, "le": column <= value, "lt": column < value,
            "eq": column == value,
        }[found[2]]  # fmt: skip
    return wanted


def _literal(column: str, text: str) -> datetime | float:
    if not column.endswith("_at"):
        try:
            return float(text)
        except ValueError:
            raise QueryError(f"$filter: {text!r} is no number") from None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(f"$filter: {text!r} is no ISO 8601 time") from None
    if moment.tzinfo is None:
        raise QueryError(f"$filter: {text!r} needs a time zone such as Z")
    return moment.astimezone(LOCAL).replace(tzinfo=None)


def observation_order(text: str) -> tuple[list[str], list[bool]]:
    """Columns to sort by, and which of them fall. The id comes last, so that pages never overlap."""
    names, falling = [], []
    for part in text.split(",") if text.strip() else []:
        name, _, direction = part.strip().partition(" ")
        if name not in _COLUMNS or direction.strip() not in ("", "asc", "desc"):
            raise QueryError(f"$orderby: {part.strip()!r} is not understood")
        names.append(_COLUMNS[name])
        falling.append(direction.strip() == "desc")
    return [*names, "id"], [*falling, False]
