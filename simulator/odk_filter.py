"""The $filter of ODK Central as far as it is spoken: comparisons of __system fields with and, or, not, brackets."""

import re
from collections.abc import Sequence
from datetime import datetime

import polars as pl

from simulator.office_calendar import LOCAL
from simulator.result_sets import QueryError

_FIELDS = {
    "submissionDate": "submitted_at",
    "updatedAt": "updated_at",
    "reviewState": "review_state",
}
_TOKEN = re.compile(r"\s*(?:([()])|('(?:[^']|'')*')|([^\s()']+))")


def submission_filter(text: str, of_submissions: bool) -> pl.Expr:
    """The condition as an expression over `simulator.field_reports.state_at`. Raises QueryError.

    of_submissions: whether Submissions are asked for; rows of a repeat reach them as `$root/Submissions/__system/…`.
    """
    tokens = _tokens(text)
    if not tokens:
        return pl.lit(True)
    found, rest = _any(tokens, "__system/" if of_submissions else "$root/Submissions/__system/")
    if rest:
        raise QueryError(f"$filter: nothing is expected at {rest[0]!r}")
    return found


def _tokens(text: str) -> list[str]:
    tokens, place = [], 0
    text = text.strip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise QueryError(f"$filter: cannot be read at {text[place : place + 20]!r}")
        tokens.append(found[1] or found[2] or found[3])
        place = found.end()
    return tokens


def _any(tokens: Sequence[str], prefix: str) -> tuple[pl.Expr, Sequence[str]]:
    left, tokens = _all(tokens, prefix)
    while tokens and tokens[0] == "or":
        right, tokens = _all(tokens[1:], prefix)
        left = left | right
    return left, tokens


def _all(tokens: Sequence[str], prefix: str) -> tuple[pl.Expr, Sequence[str]]:
    left, tokens = _one(tokens, prefix)
    while tokens and tokens[0] == "and":
        right, tokens = _one(tokens[1:], prefix)
        left = left & right
    return left, tokens


def _one(tokens: Sequence[str], prefix: str) -> tuple[pl.Expr, Sequence[str]]:
    if tokens and tokens[0] == "not":
        inner, rest = _one(tokens[1:], prefix)
        return ~inner, rest
    if tokens and tokens[0] == "(":
        inner, rest = _any(tokens[1:], prefix)
        if not rest or rest[0] != ")":
            raise QueryError("$filter: a bracket has no end")
        return inner, rest[1:]
    if len(tokens) < 3:
        raise QueryError("$filter: a comparison ends early")
    name = _FIELDS.get(tokens[0].removeprefix(prefix)) if tokens[0].startswith(prefix) else None
    if name is None:
        raise QueryError(f"$filter: the field {tokens[0]!r} cannot be filtered by")
    return _comparison(name, tokens[1], tokens[2]), tokens[3:]


def _comparison(name: str, operator: str, text: str) -> pl.Expr:
    column, value = pl.col(name), _literal(name, text)
    if value is None:
        if operator not in ("eq", "ne"):
            raise QueryError("$filter: null is compared by eq or ne alone")
        return column.is_null() if operator == "eq" else column.is_not_null()
    compared = {
        "ge": column >= value, "gt": column > value, "le": column <= value, "lt": column < value,
        "eq": column == value, "ne": column != value,
    }.get(operator)  # fmt: skip
    if compared is None:
        raise QueryError(f"$filter: {operator!r} is no comparison")
    return compared.fill_null(False)


def _literal(name: str, text: str) -> datetime | str | None:
    if text == "null":
        return None
    if name == "review_state":
        if not text.startswith("'"):
            raise QueryError(f"$filter: {text!r} is no text in quotes")
        return text[1:-1].replace("''", "'")
    try:
        moment = datetime.fromisoformat(text.strip("'"))
    except ValueError:
        raise QueryError(f"$filter: {text!r} is no ISO 8601 time") from None
    if moment.tzinfo is None:
        raise QueryError(f"$filter: {text!r} needs a time zone such as Z")
    return moment.astimezone(LOCAL).replace(tzinfo=None)
