"""Faults that are in the rows and not in the connection, as when the source's program is changed or wrong."""

from collections.abc import Collection
from datetime import datetime, timedelta

import polars as pl

# of all rows of an answer; a page alone can be repeated or hold its rows twice
OF_ANSWERS = ("renamed_column", "retyped_column", "out_of_order", "late_commit", "clock_skew")
OF_PAGES = ("repeated_page", "duplicate_delivery")
SKEW = timedelta(minutes=90)  # the source's clock is ahead
LATE = timedelta(minutes=90)  # before the end of a window, what is not committed yet
WORDS = "chưa rõ"
SEED = 20261123


def renamed(column: str) -> str:
    """The name a column has after the source was changed."""
    return f"{column}Moi"


def shuffled(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows in an order of their own, the same each time."""
    return rows.sample(fraction=1.0, shuffle=True, seed=SEED)


def committed(rows: pl.DataFrame, moments: pl.Series, before: datetime) -> pl.DataFrame:
    """Without what was changed shortly before the end of the window: it appears later, under its former time."""
    return rows.filter(moments < before - LATE)


def page_of(rows: pl.DataFrame, start: int, size: int, kinds: Collection[str]) -> pl.DataFrame:
    """One page; a repeated one holds the rows of the page before."""
    page = rows.slice(max(start - size, 0) if "repeated_page" in kinds else start, size)
    return pl.concat([page, page]) if "duplicate_delivery" in kinds else page
