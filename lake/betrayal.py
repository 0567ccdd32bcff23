"""Columns in the clear that repeat the identifier of the same row."""

import polars as pl

from lake.contract import Column, Contract
from lake.pseudonyms import LONG_NUMBER
from lake.values import as_text

MIN_IDENTIFIER = 9  # characters; shorter values are found in others by chance


def betrayed(raw: pl.DataFrame, contract: Contract) -> dict[str, pl.Series]:
    """For each text column in the clear, which rows repeat in it the identifier that another column protects."""
    protected = [column for column in contract.columns if column.protect in ("pseudonym", "drop")]
    if not protected:
        return {}
    # of the columns that are dropped only numbers are looked for: a name is found in other texts by chance
    secrets = raw.select(
        pl.when(
            pl.col(column.name).str.contains(LONG_NUMBER)
            if column.protect == "drop"
            else pl.col(column.name).str.len_chars() >= MIN_IDENTIFIER
        ).then(column.name)
        for column in protected
    )
    secrets = secrets.select(one for one in secrets if one.null_count() < len(one))
    found = {}
    for column in contract.columns:
        if not column.protect and (values := _may_hold(raw[column.name], column, secrets)) is not None:
            asked = secrets.with_columns(values.alias("_asked"))
            hits = (pl.col("_asked").str.contains(pl.col(name), literal=True) for name in secrets.columns)
            found[column.name] = asked.select(pl.any_horizontal(hit.fill_null(False) for hit in hits)).to_series()
    return found


def _may_hold(values: pl.Series, column: Column, secrets: pl.DataFrame) -> pl.Series | None:
    """The values as text if they are long enough to hold one of the secrets and may have its signs; else None."""
    if secrets.is_empty() or not secrets.width:
        return None
    if isinstance(values.dtype, (pl.Date, pl.Datetime)):  # no row of nine digits is in them
        days = secrets.select(pl.any_horizontal(pl.all().str.contains(r"[-:.T+]").any()))
        if not days.item():
            return None
    if isinstance(values.dtype, pl.Boolean):
        return None
    texts = values if values.dtype == pl.String else as_text(values, column)
    longest = texts.str.len_bytes().max()
    return texts if isinstance(longest, int) and longest >= MIN_IDENTIFIER else None
