"""Paging over data that moves: all pages of one query are of one moment, that of its first page."""

import base64
import binascii
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from simulator.one_stop import TEXT_FOR_NUMBER, TEXT_IN_JSON

_KEPT = 2  # full extractions are large
_IDLE_SECONDS = 120.0  # then rows are dropped; a late page has them made again


class QueryError(ValueError):
    """A query cannot be answered; the message names the parameter and what was expected."""


@dataclass(frozen=True)
class Query:
    """What rows of which table are asked for; since and before are aware, None means open.

    They bound the update time, or the period of a table of snapshots.
    """

    table: str
    since: datetime | None
    before: datetime | None


@dataclass(frozen=True)
class Cursor:
    """A place in a query's rows as of a moment."""

    as_of: datetime
    offset: int


class ResultSets:
    """Rows of recent queries. load(query, as_of) must give the same rows for the same arguments."""

    def __init__(self, load: Callable[[Query, datetime], pl.DataFrame]) -> None:
        self._load = load
        self._rows: OrderedDict[tuple[Query, datetime], pl.DataFrame] = OrderedDict()
        self._newest: dict[Query, datetime] = {}
        self._lock = threading.Lock()
        self._used = 0.0

    def rows(self, query: Query, as_of: datetime) -> pl.DataFrame:
        """All rows of the query as of the moment, by update time."""
        with self._lock:
            key = (query, as_of)
            if key not in self._rows:
                self._rows[key] = self._load(query, as_of)
                while len(self._rows) > _KEPT:
                    self._rows.popitem(last=False)
            self._rows.move_to_end(key)
            self._used = time.monotonic()
            return self._rows[key]

    def moment_of(self, query: Query, page: int, now: datetime) -> datetime:
        """The moment that page belongs to: the first page begins a new one."""
        with self._lock:
            if page == 1 or query not in self._newest:
                if len(self._newest) > 1000:
                    self._newest.clear()
                self._newest[query] = now
            return self._newest[query]

    def drop_idle(self) -> None:
        """Give the memory back some time after the last page."""
        with self._lock:
            if self._rows and time.monotonic() - self._used > _IDLE_SECONDS:
                self._rows.clear()

    def forget(self) -> None:
        """Drop everything, after the source itself was changed."""
        with self._lock:
            self._rows.clear()
            self._newest.clear()


def encode_page(rows: pl.DataFrame, start: int, size: int, about: dict[str, object]) -> bytes:
    """One page as JSON: {"data": […], …about}."""
    page = rows.slice(start, size)
    body = page.write_json() if len(page) else "[]"
    if "soLanBoSung" in page.columns and (page["soLanBoSung"] == TEXT_FOR_NUMBER).any():
        body = body.replace(*TEXT_IN_JSON)
    return f'{{"data":{body},{json.dumps(about, ensure_ascii=False)[1:]}'.encode()


def write_cursor(cursor: Cursor) -> str:
    """A cursor as opaque text."""
    text = json.dumps([cursor.as_of.isoformat(), cursor.offset])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """The cursor back from its text. Raises QueryError."""
    try:
        as_of, offset = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return Cursor(datetime.fromisoformat(as_of).astimezone(UTC), int(offset))
    except (ValueError, TypeError, binascii.Error):
        raise QueryError("cursor is not one that this gateway gave out") from None
