"""Forecasts of every series of the registry that has no part of its own, of a night: what changed is computed again.

The past of an item is told by a fingerprint that goes with its rows; while it stays, so do they. Champions are chosen
once a month, by rolling-origin backtests whose scores are kept; refits within a month are those of the champions alone.
Where the levels of a hierarchy are told together, what is expected adds up, and the quantiles move with it.
"""

import hashlib
import json
from concurrent.futures import Executor
from datetime import date
from typing import NamedTuple, get_args

import numpy as np
import polars as pl

from lake.code_version import code_fingerprint
from models_ml.daily_series import daily
from models_ml.kept_scores import Scores
from models_ml.monthly_series import monthly
from models_ml.panel import LEVELS, MEASURES, Floats
from models_ml.reconciliation import reconcile
from models_ml.series_items import COUNTRY, GeneralSeries, items, level_of, parents
from models_ml.series_registry import DaySeries, Level, WeekSeries
from models_ml.weekly_series import weekly

TO_SPREAD = 2 * 1.2816  # standard deviations between the quantiles .10 and .90
SCHEMA = pl.Schema(
    {
        "told_in": pl.Date(),
        "series": pl.String(),
        "item": pl.String(),
        "unit_code": pl.String(),
        "origin": pl.Date(),
        "period_start": pl.Date(),
        "horizon": pl.Int64(),
        "model": pl.String(),
        **dict.fromkeys(LEVELS, pl.Float64()),
        "expected": pl.Float64(),
        "skill_climatology": pl.Float64(),
        "skill_seasonal_naive": pl.Float64(),
        **dict.fromkeys(MEASURES, pl.Float64()),
        "origins": pl.Int64(),
        "training_from": pl.Date(),
        "inputs": pl.String(),
        "code_version": pl.String(),
        "note": pl.String(),
    }
)


class Told(NamedTuple):
    """rows: by SCHEMA. scores: what a later night need not compute again. computed: items computed in this one."""

    rows: pl.DataFrame
    scores: Scores
    computed: int


def tell(
    series: GeneralSeries,
    past: pl.DataFrame,
    communes: pl.DataFrame,
    today: date,
    kept: pl.DataFrame,
    scores: Scores,
    code_version: str,
    pool: Executor | None = None,
) -> Told:
    """The forecasts of one series, of all its items and units.

    past: item, unit_code, period (its first day), value, and the covariates. communes: unit_code, province_code and, if
    clusters are told, cluster_code of those that report. kept: rows told already, of which those of today's month name
    the champions and what need not be computed. scores: of former backtests. pool: where daily and monthly series are
    fitted, by default here and in processes of this call's own, which take seconds to start. Items with fewer than two
    settled periods tell nothing.
    """
    rules = _fingerprint(series.model_dump_json().encode(), code_fingerprint("models_ml/*.py").encode())
    month, own = today.replace(day=1), kept.filter(series=series.code, told_in=today.replace(day=1))
    fresh, reused, inputs = [], [], {}
    for item in items(series, past, communes, today):
        data = _fingerprint(
            item.values.tobytes(), repr((item.periods[0], item.units, item.above)).encode(), _bytes(item.weather)
        )
        inputs[item.name] = f"{rules}-{data}"
        rows = own.filter(item=item.name)
        if len(rows) and (rows["inputs"] == inputs[item.name]).all():
            reused.append(rows.select(SCHEMA.names()))
        else:
            fresh.append(item)
    if not fresh:
        return Told(pl.concat([SCHEMA.to_frame(), *reused]), scores, 0)
    champions = own.filter(pl.col("inputs").str.starts_with(f"{rules}-"))
    if isinstance(series, WeekSeries):
        made, scores = weekly(series, fresh, champions, scores)
    elif isinstance(series, DaySeries):
        made, scores = daily(series, fresh, champions, scores, pool)
    else:
        made = monthly(series, fresh, pool)
    made = _agreed(made, communes).filter(pl.col("horizon") <= series.horizon)
    made = made.with_columns(
        told_in=pl.lit(month),
        series=pl.lit(series.code),
        inputs=pl.col("item").replace_strict(inputs, return_dtype=pl.String),
        code_version=pl.lit(code_version),
    )
    rows = pl.concat([SCHEMA.to_frame(), *reused, made.select(SCHEMA.names()).cast(SCHEMA)])
    return Told(rows.sort("item", "unit_code", "period_start"), scores, len(fresh))


def _agreed(rows: pl.DataFrame, communes: pl.DataFrame) -> pl.DataFrame:
    """Rows whose `expected` add up over the levels, item by item and period by period, their quantiles moved with it.

    What no unit of the next level was told for stays as it is.
    """
    spread = (pl.col("q90") - pl.col("q10")) / TO_SPREAD
    rows = rows.with_columns(
        _level=level_of(pl.col("unit_code")),
        _variance=pl.max_horizontal(spread**2, "expected"),  # counts are never surer than Poisson's
    )
    told = [part for level in get_args(Level) if len(part := rows.filter(_level=level))]
    if len(told) < 2:
        return rows.select(pl.exclude("_level", "_variance"))
    part_of, keys = parents(communes), ["item", "period_start"]
    nodes, alone = [told[-1].with_row_index("_number")], []
    for part in reversed(told[:-1]):
        level = nodes[0]["_level"][0]
        of = pl.lit(COUNTRY) if level == "country" else pl.col("unit_code").replace_strict(part_of[level], default=None)
        upper = nodes[0].select(*keys, _of="unit_code", _above="_number")
        joined = part.with_columns(_of=of).join(upper, on=[*keys, "_of"], how="left", maintain_order="left")
        alone.append(joined.filter(pl.col("_above").is_null()))
        nodes.insert(0, joined.filter(pl.col("_above").is_not_null()).with_row_index("_number"))
    made = reconcile(
        [node["expected"].to_numpy() for node in nodes],
        [node["_variance"].to_numpy() for node in nodes],
        [node["_above"].to_numpy().astype(np.int64) for node in nodes[:-1]],
    )
    tables = [_moved(node, expected) for node, expected in zip(nodes, made, strict=True)]
    return pl.concat([table.select(rows.columns) for table in [*tables, *alone]]).drop("_level", "_variance")


def _moved(rows: pl.DataFrame, expected: Floats) -> pl.DataFrame:
    before = rows["expected"].to_numpy()
    factor = pl.Series(np.where(before > 0, expected / np.maximum(before, 1e-12), 1.0))
    return rows.with_columns(pl.Series("expected", expected), *(pl.col(name) * factor for name in LEVELS))


def _bytes(frame: pl.DataFrame) -> bytes:
    return json.dumps(frame.columns).encode() + frame.write_csv().encode()


def _fingerprint(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]
