"""Topics that more petitions of the province are about than the usual rate explains.

The petitions of the last four weeks are compared with what the four-week spans of the year before make likely: a
negative binomial distribution with their mean, and with their variance where that is more than Poisson's. As few spans
tell little of both, the variance is the upper quartile of what it may be, and that of the mean is added. As many topics
are asked at once, the p-values are corrected by Benjamini and Hochberg (1995).
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import chi2, false_discovery_control, nbinom

WEEKS = 4  # of the span that is judged
FEWEST_SPANS = 6  # of the past, to know what is usual
MOST_SPANS = 13  # a year
LEVEL = 0.05
CAUTION = 0.75  # quantile of what the variance may be: with it false alarms are as seldom as LEVEL says, also of bursts
FEWEST = 5  # petitions, to speak of a topic at all
NEARLY_POISSON = 1.0 + 1e-9  # the least dispersion for which the negative binomial has its parameters
SCHEMA = pl.Schema(
    {
        "origin": pl.Date(),
        "topic": pl.String(),
        "period_start": pl.Date(),
        "weeks": pl.Int64(),
        "observed": pl.Int64(),
        "expected": pl.Float64(),
        "dispersion": pl.Float64(),
        "p_value": pl.Float64(),
        "p_adjusted": pl.Float64(),
        "past_weeks": pl.Int64(),
        "emerging": pl.Boolean(),
    }
)


def topic_trends(weekly: pl.DataFrame, today: date) -> pl.DataFrame:
    """A row a topic that ever came, by SCHEMA; none where fewer than FEWEST_SPANS spans of the past are known.

    weekly: topic, week_start (Monday), value, of the whole province; a week without a row is 0. The first week of the
    register, which begins in its middle, and the one that holds today are left out.
    """
    this_week = today - timedelta(days=today.weekday())
    first = weekly["week_start"].min()
    if not isinstance(first, date):  # no petition at all
        return SCHEMA.to_frame()
    weeks = pl.date_range(first + timedelta(weeks=1), this_week, "1w", closed="left", eager=True)
    spans = min(len(weeks) // WEEKS - 1, MOST_SPANS)
    if spans < FEWEST_SPANS:
        return SCHEMA.to_frame()
    wide = (
        weekly.pivot("topic", index="week_start", values="value", aggregate_function="sum")
        .join(weeks.alias("week_start").to_frame(), on="week_start", how="right")
        .sort("week_start")
        .drop("week_start")
        .fill_null(0)
    )
    counts = wide.to_numpy()[-WEEKS * (spans + 1) :].reshape(spans + 1, WEEKS, -1).sum(axis=1)
    past, observed = counts[:-1], counts[-1]
    expected = np.maximum(past.mean(axis=0), 1 / spans)  # no petition so far does not mean never
    variance = past.var(axis=0, ddof=1) * (spans - 1) / chi2.isf(CAUTION, spans - 1)
    dispersion = np.maximum(variance / expected, 1.0)
    widened = np.maximum(dispersion * (1 + 1 / spans), NEARLY_POISSON)
    p_value = nbinom.sf(observed - 1, expected / (widened - 1), 1 / widened)
    adjusted = false_discovery_control(p_value)
    return (
        pl.DataFrame(
            {
                "topic": wide.columns,
                "observed": observed,
                "expected": expected,
                "dispersion": dispersion,
                "p_value": p_value,
                "p_adjusted": adjusted,
                "emerging": (adjusted <= LEVEL) & (observed >= FEWEST),
            }
        )
        .select(
            pl.lit(today.replace(day=1)).alias("origin"),
            "topic",
            pl.lit(this_week - timedelta(weeks=WEEKS)).alias("period_start"),
            pl.lit(WEEKS).alias("weeks"),
            *("observed", "expected", "dispersion", "p_value", "p_adjusted"),
            pl.lit(WEEKS * spans).alias("past_weeks"),
            "emerging",
        )
        .cast(SCHEMA)
        .sort("topic")
    )
