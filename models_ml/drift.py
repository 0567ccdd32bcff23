"""Whether forecasts still hold what comes: coverage of the 80 % interval over the last origins.

Of the forecasts that were told, where enough of them came due; else the champion's coverage in the backtest, which is
over the last origins too.
"""

import polars as pl

from models_ml.series_items import level_of

ORIGINS = 6  # the newest that are judged
FEWEST_CELLS = 12  # forecasts that came due
FEWEST_ORIGINS = 8  # of a series: the weeks of one origin miss together
LEAST_COVERAGE = 0.6  # below it, an interval that says .8 is no news any more


def coverage(forecasts: pl.DataFrame, months: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """disease_code, source (told or backtest), origins, cells, coverage; one row a disease that can be judged.

    forecasts, scores: rows of models.forecasts and models.backtests, of all origins. months:
    `int_disease_province_month`.
    """
    came = months.filter(pl.col("cases").is_not_null()).select(
        "disease_code", "month", "cases", unit_code="province_code"
    )
    due = forecasts.join(came, on=["unit_code", "disease_code", "month"]).filter(
        pl.col("origin").rank("dense", descending=True).over("disease_code") <= ORIGINS
    )
    told = (
        due.group_by("disease_code")
        .agg(
            source=pl.lit("told"),
            origins=pl.col("origin").n_unique().cast(pl.Int64),
            cells=pl.len().cast(pl.Int64),
            coverage=pl.col("cases").is_between("q10", "q90").mean(),
        )
        .filter(pl.col("cells") >= FEWEST_CELLS)
    )
    newest = pl.col("origin") == pl.col("origin").max().over("disease_code")
    tried = scores.filter(newest & (pl.col("horizon") == 0) & pl.col("champion") & pl.col("coverage_80").is_not_null())
    backtest = tried.filter(pl.col("cells") >= FEWEST_CELLS).select(
        "disease_code", pl.lit("backtest").alias("source"), "origins", "cells", coverage="coverage_80"
    )
    return pl.concat([told, backtest]).unique("disease_code", keep="first", maintain_order=True).sort("disease_code")


def series_coverage(told: pl.DataFrame) -> pl.DataFrame:
    """As `coverage`, one row a series, item and level that was backtested from enough origins, named so.

    told: rows of models.series_forecasts, of which the newest month's count.
    """
    newest = pl.col("told_in") == pl.col("told_in").max().over("series")
    tried = told.filter(newest & pl.col("coverage_80").is_not_null()).with_columns(level=level_of(pl.col("unit_code")))
    judged = tried.group_by(name=pl.format("{} {} ({})", "series", "item", "level")).agg(
        source=pl.lit("backtest"),
        origins=pl.col("origins").max(),
        cells=pl.col("origins").sum(),  # a row is one unit and horizon
        coverage=pl.col("coverage_80").mean(),
    )
    return judged.filter((pl.col("cells") >= FEWEST_CELLS) & (pl.col("origins") >= FEWEST_ORIGINS)).sort("name")


def drifted(judged: pl.DataFrame) -> list[str]:
    """A sentence for each disease or series whose intervals hold too little."""
    return [
        f"{name}: the 80 % interval held {share:.0%} of {cells} forecasts over {origins} origins ({source})"
        for name, source, origins, cells, share in judged.filter(pl.col("coverage") < LEAST_COVERAGE).iter_rows()
    ]
