"""How often warnings were right the last times: those the lake holds, and the same rule on the weeks before.

Right is, of a week of a commune: in the four weeks after it at least two were again above the limit that it passed. Of
a month that was seen: the next one was. Of a month that was forecast: it was, when it came.
"""

from datetime import date, timedelta

import polars as pl

from models_ml.warnings import SCHEMA, commune_weeks

FOLLOWING = 4  # weeks
AGAIN = 2  # of them above the limit
REPLAYED = 26  # weeks before, on which today's rule is tried
SAME = ["disease_code", "grain", "kind", "severity"]
KEY = ["unit_code", "disease_code", "grain", "kind", "period_start"]


def with_hit_rates(
    warnings: pl.DataFrame, kept: pl.DataFrame, weeks: pl.DataFrame, months: pl.DataFrame, today: date
) -> pl.DataFrame:
    """The warnings with `past_raised`, of the same disease, period, kind and severity, and `past_right` of them.

    warnings: by models_ml.warnings.SCHEMA. kept: those of former nights. weeks, months: as `warn` takes them. A warning
    counts once, with the severity that it had first, when what followed is known.
    """
    columns = [*KEY, "upper_limit", "severity"]
    told = kept.sort("origin").select(columns).cast({name: SCHEMA[name] for name in columns})
    past = pl.concat([told, replayed(weeks, today).select(columns)]).unique(KEY, keep="first", maintain_order=True)
    judged = pl.concat([_weeks(past, weeks, today), _months(past, months)])
    counted = judged.group_by(SAME).agg(past_raised=pl.len().cast(pl.Int64), past_right=pl.col("right").sum())
    return warnings.join(counted, on=SAME, how="left", maintain_order="left").with_columns(
        pl.col("past_raised", "past_right").fill_null(0).cast(pl.Int64)
    )


def replayed(weeks: pl.DataFrame, today: date) -> pl.DataFrame:
    """What the rule would have said of each week on the Monday after it, of the weeks whose following is known."""
    monday = today - timedelta(days=today.weekday())
    tables = [SCHEMA.to_frame().drop("origin")]
    for ago in range(FOLLOWING, FOLLOWING + REPLAYED):
        then = monday - timedelta(weeks=ago)
        told = commune_weeks(weeks.filter(pl.col("week_start") < then), then)
        newest = told.filter(pl.col("period_start") == then - timedelta(weeks=1))
        tables.append(newest.select(tables[0].columns))
    return pl.concat(tables)


def _weeks(past: pl.DataFrame, weeks: pl.DataFrame, today: date) -> pl.DataFrame:
    """SAME and `right`, of communes' weeks."""
    over = pl.lit(today - timedelta(days=today.weekday() + 7 * FOLLOWING))
    asked = past.filter((pl.col("grain") == "week") & (pl.col("period_start") < over))
    after = weeks.select(unit_code="commune_code", disease_code="disease_code", week="week_start", later="cases")
    days = (pl.col("week") - pl.col("period_start")).dt.total_days()
    again = (
        asked.join(after, on=["unit_code", "disease_code"])
        .filter((days > 0) & (days <= 7 * FOLLOWING))
        .group_by(*KEY, "severity")
        .agg(right=(pl.col("later") > pl.col("upper_limit")).sum() >= AGAIN)
    )
    return again.select(*SAME, "right")


def _months(past: pl.DataFrame, months: pl.DataFrame) -> pl.DataFrame:
    """SAME and `right`, of provinces' months."""
    asked = past.filter(pl.col("grain") == "month").with_columns(
        month=pl.when(pl.col("kind") == "observed")
        .then(pl.col("period_start").dt.offset_by("1mo"))
        .otherwise("period_start")
    )
    came = months.filter(pl.col("cases").is_not_null()).select(
        "disease_code", "month", "cases", unit_code="province_code"
    )
    joined = asked.join(came, on=["unit_code", "disease_code", "month"])
    return joined.select(*SAME, right=pl.col("cases") > pl.col("upper_limit"))
