"""Planting of bad records: one line a kind says which column is spoilt and how. Only tests read the answers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

BAD_SHARE = 0.003  # of all records, over all kinds together
KINDS = ("missing", "outlier", "duplicate", "format", "foreign_key", "cross_field", "stale", "mismatch")
UNKNOWN_COMMUNE = "99999"


@dataclass(frozen=True)
class Mistake:
    """column: the source's column that is spoilt. how: its wrong value; None for a duplicate, where nothing is."""

    kind: str
    column: str
    how: pl.Expr | None = None


def missing(column: str) -> Mistake:
    """No value where there must be one."""
    return Mistake("missing", column, pl.lit(None))


def outlier(column: str, value: float) -> Mistake:
    """A number that cannot be."""
    return Mistake("outlier", column, pl.lit(value))


def duplicate(column: str) -> Mistake:
    """The same record once more. column: the source's identifier."""
    return Mistake("duplicate", column)


def misspelt(column: str) -> Mistake:
    """A value that lacks its last character."""
    return Mistake("format", column, pl.col(column).str.head(-1))


def unknown_commune(column: str) -> Mistake:
    """A commune that does not exist."""
    return Mistake("foreign_key", column, pl.lit(UNKNOWN_COMMUNE))


def other_name(column: str) -> Mistake:
    """The name of another commune than the code's."""
    first, second = "Phường Phan Thiết", "Phường 1 Bảo Lộc"
    return Mistake("mismatch", column, pl.when(pl.col(column) == first).then(pl.lit(second)).otherwise(pl.lit(first)))


def long_ago(column: str, days: int = 800) -> Mistake:
    """Something that happened long before it was recorded."""
    return Mistake("stale", column, pl.col(column) - pl.duration(days=days))


def plant(
    frame: pl.DataFrame, key: str, updated: str, unit: str, mistakes: list[Mistake], seed: int, number: int
) -> pl.DataFrame:
    """The frame with bad records beside the good ones: copies of some first versions under identifiers of their own.

    A duplicate is a copy of a key's last version as it is, unless that deletes it. frame: versions, in any order, whose
    identifiers end in six digits of which the first is not 9. number: of the table, for the draw. Adds `_bad` (kind,
    null for good ones), `_field` and `_unit` (the commune before it was spoilt). Every kind occurs, in the first third.
    """
    frame = frame.sort(updated, key)
    first, last = (
        frame.select(pl.col(updated) == edge.over(key)).to_series().to_numpy()
        for edge in (pl.col(updated).min(), pl.col(updated).max())
    )
    if "_deleted" in frame.columns:
        last = last & ~frame["_deleted"].to_numpy()
    can = [first if mistake.how is not None else last for mistake in mistakes]
    drawn = _draw(frame[updated], can, [seed, 60 + number])
    frame = frame.with_columns(
        pl.lit(None, pl.String).alias("_bad"), pl.lit(None, pl.String).alias("_field"), pl.col(unit).alias("_unit")
    )
    parts = [frame]
    for index, mistake in enumerate(mistakes):
        copies = frame.filter(pl.Series(drawn == index)).with_columns(
            pl.lit(mistake.kind).alias("_bad"), pl.lit(mistake.column).alias("_field")
        )
        if mistake.how is not None:
            copies = copies.with_columns(
                pl.concat_str(pl.col(key).str.head(-6), pl.lit("9"), pl.col(key).str.tail(5)).alias(key),
                mistake.how.cast(frame.schema[mistake.column]).alias(mistake.column),
            )
        parts.append(copies)
    return pl.concat(parts).sort(updated, key, "_bad", nulls_last=False)


def _draw(times: pl.Series, can: list[NDArray[np.bool_]], seed: list[int]) -> NDArray[np.int64]:
    """Index of the kind by row, -1 for none; drawn month by month so that a later generation draws the same.

    can: for each kind, which rows may be it.
    """
    counts = times.dt.truncate("1mo").alias("month").value_counts(name="rows").sort("month")
    draws = [np.random.default_rng([*seed, first.year, first.month]).random(n) for first, n in counts.iter_rows()]
    drawn = np.concatenate(draws) if draws else np.zeros(0)
    kind = np.where(drawn < BAD_SHARE, (drawn / BAD_SHARE * len(can)).astype(np.int64), -1)
    for index, fits in enumerate(can):
        kind = np.where((kind == index) & ~fits, -1, kind)
    order = np.random.default_rng(seed).permutation(min(len(times), max(len(times) // 3, 4 * len(can)), 4000))
    for index, fits in enumerate(can):
        free = order[(kind[order] < 0) & fits[order]]
        kind[free[:1]] = index
    return kind


def write_bad(folder: Path, name: str, frame: pl.DataFrame, key: str, updated: str) -> dict[str, int]:
    """Write bad_<name>.parquet: record_id, kind, field, commune_code, bad_from (UTC). Returns how many of each kind."""
    bad = frame.filter(pl.col("_bad").is_not_null()).select(
        pl.col(key).alias("record_id"),
        pl.col("_bad").alias("kind"),
        pl.col("_field").alias("field"),
        pl.col("_unit").alias("commune_code"),
        pl.col(updated).dt.replace_time_zone("Asia/Ho_Chi_Minh").dt.convert_time_zone("UTC").alias("bad_from"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    bad.write_parquet(folder / f"bad_{name}.parquet")
    return dict(bad["kind"].value_counts().sort("kind").iter_rows())
