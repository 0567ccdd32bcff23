"""Bad rows for the systems that deliver files: added beside good ones, their answers kept where only tests look."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from simulator.truth import BAD_SHARE

SCHEMA = pl.Schema(
    {
        "record_id": pl.String(),
        "kind": pl.String(),
        "field": pl.String(),
        "commune_code": pl.String(),
        "bad_from": pl.Datetime("us", "UTC"),
    }
)


def draw_bad(rows: pl.DataFrame, kinds: Sequence[str], seed: Sequence[int], every_kind: bool) -> pl.DataFrame:
    """Copies of some rows, to be spoilt: at BAD_SHARE over all kinds together, or one of each kind. Adds `bad`."""
    rng = np.random.default_rng(list(seed))
    count = min(len(rows), len(kinds) if every_kind else int(rng.binomial(len(rows), BAD_SHARE)))
    chosen = rng.permutation(len(rows))[:count]
    order = np.arange(count) if every_kind else rng.integers(0, len(kinds), count)
    return rows[chosen.tolist()].with_columns(pl.Series("bad", kinds, dtype=pl.String()).gather(order))


def record_truth(folder: Path, table: str, bad: pl.DataFrame) -> None:
    """Add answers, by SCHEMA, to bad_<table>.parquet; those that are there already stay once."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"bad_{table}.parquet"
    known = [pl.read_parquet(path)] if path.exists() else []
    answers = pl.concat([*known, bad.select(list(SCHEMA)).cast(dict(SCHEMA))])  # type: ignore[arg-type]
    half = path.with_suffix(".tmp")
    answers.unique().sort("bad_from", "record_id", "kind").write_parquet(half)
    half.replace(path)
