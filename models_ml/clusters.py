"""Clusters of neighbouring communes in the last weeks: the space-time scan on counts, told with how rare it is here.

What is expected of a commune in a week is its share of the province in the year before, of the province's count in that
week: a season that is high everywhere, or a week that is not yet reported in full, makes no cluster. Cases infect
further ones, so they cluster more than the scan's Poisson replicates do. Therefore the excess (log-likelihood ratio by
the dispersion of the communes at the time) is also compared with the highest of each week of the past, found in the
same way: a Gumbel distribution of those without a cluster (Abrams, Kulldorff and Kleinman 2010, Int J Health Geogr 9)
says once in how many weeks such an excess comes by itself. The severities, from both:

| severity | p-value | comes by itself once in |
|---|---|---|
| watch | ≤ .05 | 20 weeks |
| warning | ≤ .01 | 100 weeks |
| alarm | ≤ .001 | 1,000 weeks |

How often this warns without cause is printed by `benchmarks/planted_truths.py`.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from models_ml.panel import Floats
from models_ml.scan import Counts, highest_ratio, scan

LONGEST = 4  # weeks of a window
BASELINE = 52  # weeks before the windows, of which the shares are
GUARD = 8  # newest weeks that are no past: an outbreak of today may have begun in them
FEWEST_PAST = 26  # past weeks to tell how rare an excess is
MOST_PAST = 104
LARGEST_SHARE = 0.2  # of the cases of the province, that a circle may hold
FEWEST_CASES = 5  # of a cluster
WATCH, WARNING, ALARM = 20, 100, 1000  # weeks
LONGEST_RECURRENCE = 10_000.0  # weeks: what is rarer is told as this
LEAST_SCALE = 0.5  # of the Gumbel distribution: where hardly anything happens, little is known of what may
USUAL = 0.99  # past weeks beyond this quantile had a cluster
CHI2_MEDIAN = 0.4549  # of one degree of freedom
REPLICATES = 999
MOST_CLUSTERS = 5  # of one series

SCHEMA = pl.Schema(
    {
        "origin": pl.Date(),
        "measure": pl.String(),
        "item": pl.String(),
        "cluster": pl.Int64(),
        "unit_code": pl.String(),
        "units": pl.String(),
        "communes": pl.Int64(),
        "radius_km": pl.Float64(),
        "period_start": pl.Date(),
        "weeks": pl.Int64(),
        "observed": pl.Int64(),
        "expected": pl.Float64(),
        "relative_risk": pl.Float64(),
        "p_value": pl.Float64(),
        "past_weeks": pl.Int64(),
        "recurrence_weeks": pl.Float64(),
        "severity": pl.String(),
    }
)


def find_clusters(weekly: pl.DataFrame, centres: pl.DataFrame, today: date) -> pl.DataFrame:
    """Clusters that end with the last complete week, by SCHEMA, the rarest first within each measure and item.

    weekly: measure, item, unit_code, week_start (Monday), value; what has no row is 0. centres: unit_code, latitude,
    longitude in degrees of all communes. today: the week that holds it is not over. `unit_code` is the commune with the
    most cases above the expected ones, `units` all of them, with ; between. Series with fewer than FEWEST_PAST past
    weeks to compare with tell nothing.
    """
    this_week = today - timedelta(days=today.weekday())
    known = weekly.filter(pl.col("week_start") < this_week).join(centres, on="unit_code", how="semi")
    places = centres.sort("unit_code")
    tables = [SCHEMA.to_frame()]
    for (measure, item), rows in sorted(known.partition_by("measure", "item", as_dict=True).items()):
        first = known.filter(measure=measure)["week_start"].min()  # of the register, not of the item
        counts = weekly_counts(rows, places["unit_code"], first, this_week)  # type: ignore[arg-type]
        past = np.array([highest_excess(counts, end, places) for end in past_ends(counts.shape[1])], np.float64)
        found = clusters_of(counts, places, this_week, past)
        labels = {"origin": today.replace(day=1), "measure": measure, "item": item}
        tables.append(found.with_columns(pl.lit(value).alias(name) for name, value in labels.items()))
    return pl.concat([table.select(SCHEMA.names()).cast(SCHEMA) for table in tables])


def weekly_counts(rows: pl.DataFrame, units: pl.Series, first: date, end: date) -> Counts:
    """(units, weeks) from the second week on: the first week of a register begins in its middle."""
    weeks = pl.date_range(first + timedelta(weeks=1), end, "1w", closed="left", eager=True)
    counts = np.zeros((len(units), len(weeks)), np.int64)
    at = rows.select(
        unit=pl.col("unit_code").replace_strict(dict(zip(units, range(len(units)), strict=True))),
        week=(pl.col("week_start") - first).dt.total_days() // 7 - 1,
        value="value",
    ).filter(pl.col("week") >= 0)
    np.add.at(counts, (at["unit"].to_numpy(), at["week"].to_numpy()), at["value"].to_numpy())
    return counts


def expected_counts(counts: Counts, end: int) -> Floats:
    """(units, LONGEST) of the weeks before number `end`: each week's count by the units' shares of the year before."""
    before = counts[:, end - LONGEST - BASELINE : end - LONGEST].sum(axis=1).astype(np.float64)
    before += before.mean() / BASELINE  # as of one more week of a usual commune: no case so far does not mean never
    return before[:, None] / max(before.sum(), 1e-9) * counts[:, end - LONGEST : end].sum(axis=0)


def dispersion(recent: Counts, expected: Floats) -> float:
    """How much further than by chance the communes' counts are from the expected ones, at least 1.

    From the median of the squared residuals, so that the few communes of an outbreak do not hide it.
    """
    seen, usual = recent.sum(axis=1), expected.sum(axis=1)
    squared = (seen - usual) ** 2 / np.maximum(usual, 1e-9)
    return max(1.0, float(np.median(squared[usual >= 1]) / CHI2_MEDIAN)) if (usual >= 1).any() else 1.0


def highest_excess(counts: Counts, end: int, places: pl.DataFrame) -> float:
    """The highest excess of the windows that end before week number `end`."""
    recent, expected = counts[:, end - LONGEST : end], expected_counts(counts, end)
    where = places["longitude"].to_numpy(), places["latitude"].to_numpy()
    ratio = highest_ratio(*where, recent, expected, LONGEST, LARGEST_SHARE, FEWEST_CASES)
    return ratio / dispersion(recent, expected)


def background(past: Floats) -> tuple[float, float]:
    """Location and scale of a Gumbel distribution of the highest excesses of weeks without a cluster.

    By quantiles, of the quietest fifth at first, and then of what the fit before does not call a cluster.
    """
    low, high, kept = 0.03, 0.2, past
    for _ in range(10):
        middle, (first, last) = np.quantile(kept, (low + high) / 2), np.quantile(kept, (low, high))
        scale = max(float((last - first) / (_gumbel(high) - _gumbel(low))), LEAST_SCALE)
        location = float(middle - scale * _gumbel((low + high) / 2))
        fits = past[past <= location + scale * _gumbel(USUAL)]
        if len(fits) < 2 or (low == 0.25 and len(fits) == len(kept)):
            break
        low, high, kept = 0.25, 0.75, fits
    return location, scale


def recurrence(excesses: Floats, past: Floats) -> Floats:
    """Once in how many weeks without a cluster an excess as high comes by itself."""
    location, scale = background(past)
    chance = -np.expm1(-np.exp(-(excesses - location) / scale))
    weeks: Floats = np.minimum(1 / np.maximum(chance, 1e-12), LONGEST_RECURRENCE)
    return weeks


def _gumbel(level: float) -> float:
    return float(-np.log(-np.log(level)))


def past_ends(weeks: int) -> range:
    """The ends of the windows of the past, of so many weeks that are known."""
    return range(max(BASELINE + LONGEST, weeks - GUARD - MOST_PAST + 1), weeks - GUARD + 1)


def clusters_of(counts: Counts, places: pl.DataFrame, this_week: date, past: Floats) -> pl.DataFrame:
    """Clusters of one series, by SCHEMA without its first three columns.

    counts: (units, weeks) of the places, by their order. past: the highest excess of each week of the past.
    """
    empty = SCHEMA.to_frame().drop("origin", "measure", "item")
    end = counts.shape[1]
    if len(past) < FEWEST_PAST or counts[:, end - LONGEST :].sum() < FEWEST_CASES:
        return empty
    top = highest_excess(counts, end, places)
    if recurrence(np.array([top]), past)[0] < WATCH:  # no other cluster is any rarer
        return empty
    recent, expected = counts[:, end - LONGEST :], expected_counts(counts, end)
    found = scan(
        places["unit_code"].to_list(),
        places["longitude"].to_numpy(),
        places["latitude"].to_numpy(),
        [this_week - timedelta(weeks=ago) for ago in range(LONGEST, 0, -1)],
        recent,
        expected,
        LONGEST,
        LARGEST_SHARE,
        FEWEST_CASES,
        REPLICATES,
        MOST_CLUSTERS,
    )
    excess = pl.DataFrame({"units": places["unit_code"], "excess": (recent - expected).sum(axis=1)})
    lead = (
        found.select("cluster", "units")
        .explode("units")
        .join(excess, on="units")
        .sort("excess", "units", descending=[True, False])
        .group_by("cluster", maintain_order=True)
        .agg(unit_code=pl.col("units").first())
    )
    ratios = found["llr"].to_numpy() / dispersion(recent, expected)
    told = found.join(lead, on="cluster", maintain_order="left").with_columns(
        units=pl.col("units").list.sort().list.join(";"),
        communes=pl.col("units").list.len().cast(pl.Int64),
        weeks="periods",
        past_weeks=pl.lit(len(past), pl.Int64),
        recurrence_weeks=pl.Series(recurrence(ratios, past), dtype=pl.Float64),
    )
    rare = pl.col("recurrence_weeks")
    told = told.filter((pl.col("p_value") <= 0.05) & (rare >= WATCH)).with_columns(
        severity=pl.when((pl.col("p_value") <= 0.001) & (rare >= ALARM))
        .then(pl.lit("alarm"))
        .when((pl.col("p_value") <= 0.01) & (rare >= WARNING))
        .then(pl.lit("warning"))
        .otherwise(pl.lit("watch"))
    )
    return told.select(empty.columns)
