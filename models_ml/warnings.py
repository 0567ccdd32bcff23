"""Early warning: cases seen or forecast above the historical limit, mean + 2 SD of the season.

Thresholds: watch above the limit; warning above it with probability ≥ .99 (seen) or ≥ .5 (forecast); alarm above
mean + 4 SD with probability ≥ .999 (seen) or at least .8 (forecast). Probability of what was seen: how likely the
forecast distribution (negative binomial around what is usual) stays below it.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import nbinom

SEASON_WEEKS = 4  # the same weeks of the year, this many to each side
RECENT_WEEKS = 4  # the weeks that may be warned about
GUARD_WEEKS = 3  # weeks before them that tell nothing of what is usual: an outbreak may have begun in them
LEAST_CASES = 5.0  # fewer cases in a commune and week never warn by themselves
LEAST_VARIANCE = 1.0
COLUMNS = [
    "origin",
    "unit_code",
    "disease_code",
    "grain",
    "period_start",
    "kind",
    "cases",
    "expected",
    "upper_limit",
    "probability",
    "severity",
]


def warn(weeks: pl.DataFrame, months: pl.DataFrame, forecasts: pl.DataFrame, today: date) -> pl.DataFrame:
    """Warnings as of a day; rows by the contract models.warnings.

    weeks: `int_case_commune_week`. months: `int_disease_province_month`. forecasts: rows of models.forecasts.
    """
    tables = [
        commune_weeks(weeks, today),
        observed_months(months, today),
        forecast_months(months, forecasts, today),
    ]
    origin = pl.lit(today.replace(day=1)).alias("origin")
    return pl.concat([table.with_columns(origin).select(COLUMNS) for table in tables]).sort(COLUMNS)


def commune_weeks(weeks: pl.DataFrame, today: date) -> pl.DataFrame:
    """Recent complete weeks of communes above the limit.

    What is usual is the commune's share of the cases of all communes in the same season of the past, so that two
    years tell something, together with the level that all communes had in the weeks just before.
    """
    complete = weeks.filter(pl.col("week_start") + timedelta(days=7) <= today)
    newest = complete["week_start"].max()
    if newest is None:
        return _nothing()
    assert isinstance(newest, date)
    recent_from = newest - timedelta(weeks=RECENT_WEEKS - 1)
    past = complete.filter(pl.col("week_start") < recent_from - timedelta(weeks=GUARD_WEEKS))
    recent = complete.filter(pl.col("week_start") >= recent_from)
    keys = ["commune_code", "disease_code"]
    week = pl.col("week_start").dt.week()
    season = past.with_columns(week=week).select(*keys, "week", past_cases=pl.col("cases").cast(pl.Float64))
    asked = recent.with_columns(week=week)
    # what each recent week may be compared with: the same weeks of the year, around its end too
    offsets = pl.DataFrame({"offset": np.arange(-SEASON_WEEKS, SEASON_WEEKS + 1)})
    compared = (
        asked.select(*keys, "week_start", "week")
        .join(offsets, how="cross")
        .with_columns(week=((pl.col("week").cast(pl.Int64) - 1 + pl.col("offset")) % 52 + 1).cast(pl.Int8))
        .join(season, on=[*keys, "week"])
        .group_by(*keys, "week_start")
        .agg(expected=pl.col("past_cases").mean(), variance=pl.col("past_cases").var(), past=pl.len())
    )
    frame = asked.join(compared, on=[*keys, "week_start"], how="left").filter(pl.col("past") >= 5)
    # a season that is high or low everywhere is no news of one commune
    level = (
        frame.group_by("disease_code", "week_start")
        .agg(seen=pl.col("cases").sum(), usual=pl.col("expected").sum(), top=pl.col("cases").max())
        .with_columns(level=((pl.col("seen") - pl.col("top") + 1) / (pl.col("usual") + 1)).clip(1.0, 5.0))
    )
    frame = frame.join(level.select("disease_code", "week_start", "level"), on=["disease_code", "week_start"])
    expected = pl.col("expected") * pl.col("level")
    frame = frame.with_columns(
        cases=pl.col("cases").cast(pl.Float64),
        expected=expected,
        variance=pl.max_horizontal(pl.col("variance") * pl.col("level"), expected, pl.lit(LEAST_VARIANCE)),
    ).with_columns(upper_limit=pl.col("expected") + 2 * pl.col("variance").sqrt())
    high = frame.filter((pl.col("cases") > pl.col("upper_limit")) & (pl.col("cases") >= LEAST_CASES))
    probability = _below(high["cases"].to_numpy(), high["expected"].to_numpy(), high["variance"].to_numpy())
    far = pl.col("cases") > pl.col("expected") + 4 * pl.col("variance").sqrt()
    return (
        high.with_columns(probability=pl.Series(probability, dtype=pl.Float64()))
        .with_columns(severity=_severity(pl.col("probability"), 0.99, 0.999, far))
        .select(
            "disease_code",
            "cases",
            "expected",
            "upper_limit",
            "probability",
            "severity",
            unit_code="commune_code",
            grain=pl.lit("week"),
            period_start="week_start",
            kind=pl.lit("observed"),
        )
    )


def observed_months(months: pl.DataFrame, today: date) -> pl.DataFrame:
    """The newest month of each province above the limit; a series that ended more than a quarter ago says nothing."""
    known = months.filter(pl.col("cases").is_not_null() & (pl.col("month") < today.replace(day=1)))
    newest = known.group_by("province_code", "disease_code").agg(pl.col("month").max())
    newest = newest.filter(pl.col("month") >= today - timedelta(days=100))
    asked = known.join(newest, on=["province_code", "disease_code", "month"], how="semi")
    frame = _with_limit(asked.select("province_code", "disease_code", "month", "cases"), known)
    high = frame.filter(pl.col("cases") > pl.col("upper_limit"))
    probability = _below(high["cases"].to_numpy(), high["expected"].to_numpy(), high["variance"].to_numpy())
    far = pl.col("cases") > pl.col("expected") + 4 * pl.col("variance").sqrt()
    return (
        high.with_columns(probability=pl.Series(probability, dtype=pl.Float64()))
        .with_columns(severity=_severity(pl.col("probability"), 0.99, 0.999, far))
        .select(*_month_columns("observed"))
    )


def forecast_months(months: pl.DataFrame, forecasts: pl.DataFrame, today: date) -> pl.DataFrame:
    """Months to come whose forecast passes the limit more likely than not."""
    if forecasts.is_empty():
        return _nothing()
    coming = forecasts.filter(pl.col("month") >= today.replace(day=1)).rename({"unit_code": "province_code"})
    frame = _with_limit(coming.with_columns(cases=pl.col("q50")), months.filter(pl.col("cases").is_not_null()))
    levels = [0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95]
    quantiles = frame.select("q05", "q10", "q25", "q50", "q75", "q90", "q95").to_numpy()
    limits = frame["upper_limit"].to_numpy()
    passed = [1 - np.interp(limit, row, levels, left=0.025, right=0.975) for row, limit in zip(quantiles, limits, strict=True)]
    frame = frame.with_columns(probability=pl.Series(passed, dtype=pl.Float64())).filter(pl.col("probability") >= 0.3)
    return frame.with_columns(severity=_severity(pl.col("probability"), 0.5, 0.8, pl.lit(True))).select(
        *_month_columns("forecast")
    )


def _with_limit(asked: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Mean and mean + 2 SD of the same calendar month in the years before each row."""
    keys = ["province_code", "disease_code"]
    past = known.select(*keys, past_month="month", past_cases=pl.col("cases").cast(pl.Float64))
    same = asked.join(past, on=keys).filter(
        (pl.col("past_month") < pl.col("month")) & (pl.col("past_month").dt.month() == pl.col("month").dt.month())
    )
    usual = same.group_by(*keys, "month").agg(
        expected=pl.col("past_cases").mean(), variance=pl.col("past_cases").var(), years=pl.len()
    )
    return (
        asked.join(usual.filter(pl.col("years") >= 3), on=[*keys, "month"])
        .with_columns(variance=pl.max_horizontal("variance", "expected", pl.lit(LEAST_VARIANCE)))
        .with_columns(
            cases=pl.col("cases").cast(pl.Float64), upper_limit=pl.col("expected") + 2 * pl.col("variance").sqrt()
        )
    )


def _below(cases: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Probability that a negative binomial of this mean and variance stays below the cases."""
    spread = np.maximum(variance, mean * 1.001 + 1e-9)
    share = mean / spread
    return nbinom.cdf(cases - 1, np.maximum(mean * share / (1 - share), 1e-9), share)


def _severity(probability: pl.Expr, warning: float, alarm: float, far: pl.Expr) -> pl.Expr:
    return (
        pl.when((probability >= alarm) & far)
        .then(pl.lit("alarm"))
        .when(probability >= warning)
        .then(pl.lit("warning"))
        .otherwise(pl.lit("watch"))
    )


def _month_columns(kind: str) -> list[pl.Expr]:
    names = ["disease_code", "cases", "expected", "upper_limit", "probability", "severity"]
    return [
        *(pl.col(name) for name in names),
        pl.col("province_code").alias("unit_code"),
        pl.lit("month").alias("grain"),
        pl.col("month").alias("period_start"),
        pl.lit(kind).alias("kind"),
    ]


def _nothing() -> pl.DataFrame:
    texts = ["unit_code", "disease_code", "grain", "kind", "severity"]
    numbers = ["cases", "expected", "upper_limit", "probability"]
    return pl.DataFrame(
        schema={**dict.fromkeys(texts, pl.String()), **dict.fromkeys(numbers, pl.Float64()), "period_start": pl.Date()}
    )
