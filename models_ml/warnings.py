"""Early warning: cases seen or forecast above the historical limit, mean + 2 SD of the season.

Communes by week (seen), provinces by month (seen, and forecast). The severities:

| severity | seen | forecast |
|---|---|---|
| watch | above the limit; a commune: in two of its last four weeks | passes the limit with probability ≥ .5 |
| warning | above the limit and probability ≥ .99; a commune: ≥ .995 | ≥ .75 |
| alarm | above mean + 4 SD and probability ≥ .999 | ≥ .9 |

The probability of what was seen is that of a negative binomial with the season's mean and variance to stay below it.
How often this warns without cause is printed by `benchmarks/planted_truths.py`.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import nbinom

from models_ml.hotspots import neighbour_weights
from models_ml.panel import LEVELS, Floats

RECENT_WEEKS = 4  # the complete weeks that may be warned about
GUARD_WEEKS = 3  # weeks before them that tell nothing of what is usual: an outbreak may have begun in them
SEASON_DAYS = 31  # the same season of a former year: the same week of the year and four to each side
FEWEST_WEEKS = 8  # of the season, to call anything usual
LEAST_VARIANCE = 0.5  # of a commune in a week: where cases hardly ever come, little is known of how they come
LEAST_LIMIT = 3.0  # up to three cases of a commune in a week never warn by themselves
FEWEST_YEARS = 3  # of the same calendar month
LATEST_MONTH_DAYS = 100  # a monthly report older than this is no news
SD, FAR_SD = 2.0, 4.0
# of a commune's week: about one false warning a week and one false alarm a month of a province with 124 communes
WARNING, ALARM = 0.995, 0.999
SHARES = ["disease_code", "week_start", "known_share"]

SCHEMA = pl.Schema(
    {
        "origin": pl.Date(),
        "unit_code": pl.String(),
        "disease_code": pl.String(),
        "grain": pl.String(),
        "period_start": pl.Date(),
        "kind": pl.String(),
        "cases": pl.Float64(),
        "expected": pl.Float64(),
        "upper_limit": pl.Float64(),
        "probability": pl.Float64(),
        "severity": pl.String(),
        "known_share": pl.Float64(),
        "neighbour_cases": pl.Float64(),
        "neighbour_expected": pl.Float64(),
    }
)
NEAREST = 6  # communes whose cases are told beside a commune's
_MONTHLY = {"province_code": "unit_code", "month": "period_start"}


def warn(
    weeks: pl.DataFrame,
    months: pl.DataFrame,
    forecasts: pl.DataFrame,
    today: date,
    shares: pl.DataFrame | None = None,
    centres: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Warnings as of a day, by SCHEMA.

    weeks: `int_case_commune_week`. months: `int_disease_province_month`. forecasts: rows of models.forecasts.
    today: the day in Vietnam; nothing that begins on it or later counts as seen. shares: disease_code, week_start and
    known_share of weeks of which reports are still to come. centres: unit_code, latitude, longitude of communes, to
    tell what their neighbours have.
    """
    tables = [
        commune_weeks(weeks, today, shares, centres),
        observed_months(months, today),
        forecast_months(months, forecasts, today),
    ]
    origin = pl.lit(today.replace(day=1)).alias("origin")
    tables = [table.with_columns(origin).select(SCHEMA.names()).cast(SCHEMA) for table in tables]
    return pl.concat(tables).sort("unit_code", "disease_code", "grain", "period_start")


def commune_weeks(
    weeks: pl.DataFrame, today: date, shares: pl.DataFrame | None = None, centres: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The last four complete weeks of communes above the limit; nothing where there is less than a year of history.

    Where reports are still to come, what is known is compared with what is usually known by now: expected cases and
    limit are of the share that is known.
    """
    return worth_telling(weeks_above_limit(weeks, today, shares, centres))


def worth_telling(above: pl.DataFrame) -> pl.DataFrame:
    """Of what `weeks_above_limit` gives, what is told, with its severity."""
    found = above.with_columns(severity=_severity("far", WARNING, ALARM))
    # one week just above the limit is the rule by chance among hundreds of communes
    lasting = pl.len().over("unit_code", "disease_code") >= 2
    return found.filter(lasting | (pl.col("severity") != "watch")).drop("far")


def weeks_above_limit(
    weeks: pl.DataFrame, today: date, shares: pl.DataFrame | None = None, centres: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Every commune and recent week above the limit, without severity; `far`: above mean + 4 SD."""
    known = {} if shares is None else {tuple(row[:2]): row[2] for row in shares.select(SHARES).iter_rows()}
    tables = [
        _one_disease(str(disease), part, today, known, centres)
        for (disease,), part in sorted(weeks.partition_by("disease_code", as_dict=True).items())
    ]
    return pl.concat([SCHEMA.to_frame().drop("origin", "severity").with_columns(far=pl.lit(False)), *tables])


def _one_disease(
    disease: str, rows: pl.DataFrame, today: date, shares: dict[tuple[str, date], float], centres: pl.DataFrame | None
) -> pl.DataFrame:
    """Those of one disease."""
    wide = rows.pivot("commune_code", index="week_start", values="cases", aggregate_function="sum").sort("week_start")
    communes = np.array(sorted(name for name in wide.columns if name != "week_start"))
    mondays = wide["week_start"].to_numpy().astype("datetime64[D]")
    cases = wide.select(pl.col(communes.tolist()).cast(pl.Float64).fill_null(0)).to_numpy().T
    this_week = np.datetime64(today - timedelta(days=today.weekday()), "D")
    first_recent = this_week - 7 * RECENT_WEEKS
    # the first week of a register begins in its middle
    past = (mondays < first_recent - 7 * GUARD_WEEKS) & (mondays > mondays.min())
    around = None if centres is None else _neighbours(communes.tolist(), centres)
    tables = []
    for week in np.flatnonzero((mondays >= first_recent) & (mondays < this_week)):
        ago = (mondays[week] - mondays).astype(np.int64)
        years = np.maximum(np.round(ago / 365.2425), 1)
        season = past & (np.abs(ago - 365.2425 * years) <= SEASON_DAYS)
        if season.sum() < FEWEST_WEEKS:
            continue
        seen = cases[:, week]
        share = shares.get((disease, mondays[week].astype(object)), 1.0)
        if share <= 0:
            continue
        expected, variance = _usual(cases[:, season], seen / share)
        # each case is known already with this chance
        expected, variance = share * expected, share**2 * (variance - expected) + share * expected
        limit = np.maximum(expected + SD * np.sqrt(variance), LEAST_LIMIT)
        high = seen > limit
        columns = {"cases": seen, "expected": expected, "upper_limit": limit}
        columns["probability"] = _below(seen, expected, variance)
        if around is not None:
            columns |= {"neighbour_cases": around @ seen, "neighbour_expected": around @ expected}
        tables.append(
            pl.DataFrame(
                {"unit_code": communes[high]}
                | {name: values[high] for name, values in columns.items()}
                | {"far": (seen > expected + FAR_SD * np.sqrt(variance))[high]}
            ).with_columns(period_start=pl.lit(mondays[week].astype(object)), known_share=share)
        )
    empty = SCHEMA.to_frame().drop("origin", "severity").with_columns(far=pl.lit(False))
    labels = {"disease_code": disease, "grain": "week", "kind": "observed"}
    tables = [table.with_columns(pl.lit(text).alias(name) for name, text in labels.items()) for table in tables]
    return pl.concat([empty, *tables], how="diagonal")


def _neighbours(communes: list[str], centres: pl.DataFrame) -> Floats:
    """(communes, communes) 1 for the nearest others."""
    places = pl.DataFrame({"unit_code": communes}).join(centres, on="unit_code", how="left", maintain_order="left")
    north = places["latitude"].fill_null(strategy="mean").to_numpy()
    east = places["longitude"].fill_null(strategy="mean").to_numpy() * np.cos(np.radians(north.mean()))
    weights: Floats = (neighbour_weights(east, north, NEAREST) > 0).astype(np.float64)
    return weights


def _usual(past: Floats, seen: Floats) -> tuple[Floats, Floats]:
    """Mean and variance to expect by commune, from (communes, weeks) of the season in the past.

    A season that is high everywhere is the province's news, not one commune's: the mean is lifted by what all communes
    but the highest see now. The variance is at least that of a negative binomial as overdispersed as all communes
    together, so that a commune quiet by luck does not warn at its first cases; it includes that the mean is not known.
    """
    weeks = past.shape[1]
    mean = past.mean(axis=1)
    own = past.var(axis=1, ddof=1)
    excess = ((past - mean[:, None]) ** 2 * weeks / (weeks - 1) - past).sum()
    overdispersion = max(excess / max(weeks * float((mean**2).sum()), 1e-9), 0.0)
    level = float(np.clip((seen.sum() - seen.max() + 1) / (mean.sum() + 1), 1.0, 5.0))
    # one more week, as the communes on average had it: no past case does not mean that none will come
    expected = (mean * weeks + mean.mean()) / (weeks + 1) * level
    variance = np.maximum(np.maximum(expected + overdispersion * expected**2, own * level), LEAST_VARIANCE)
    return expected, variance * (1 + 3 / weeks)  # neighbouring weeks tell much the same


def observed_months(months: pl.DataFrame, today: date) -> pl.DataFrame:
    """The newest month of each province above the limit; an old one says nothing."""
    known = months.filter(pl.col("cases").is_not_null() & (pl.col("month") < today.replace(day=1)))
    newest = pl.col("month") == pl.col("month").max().over("province_code", "disease_code")
    fresh = pl.col("month") >= today - timedelta(days=LATEST_MONTH_DAYS)
    frame = _with_limit(known.filter(newest & fresh), known).filter(pl.col("cases") > pl.col("upper_limit"))
    probability = _below(*(frame[name].to_numpy() for name in ("cases", "expected", "variance")))
    far = pl.col("cases") > pl.col("expected") + FAR_SD * pl.col("variance").sqrt()
    return _monthly(
        frame.with_columns(probability=pl.Series(probability, dtype=pl.Float64()), far=far), "observed", 0.99, 0.999
    )


def forecast_months(months: pl.DataFrame, forecasts: pl.DataFrame, today: date) -> pl.DataFrame:
    """Months from this one on whose forecast passes the limit more likely than not."""
    levels = list(LEVELS.values())
    asked = ["disease_code", "month", pl.col("unit_code").alias("province_code"), pl.col("q50").alias("cases"), *LEVELS]
    coming = forecasts.filter(pl.col("month") >= today.replace(day=1)).select(asked)
    frame = _with_limit(coming, months.filter(pl.col("cases").is_not_null()))
    quantiles = frame.select(list(LEVELS)).to_numpy()
    pairs = zip(frame["upper_limit"], quantiles, strict=True)
    # outside the quantiles it is told half of what is left
    passed = [1 - float(np.interp(limit, row, levels, left=0.025, right=0.975)) for limit, row in pairs]
    frame = frame.with_columns(probability=pl.Series(passed, dtype=pl.Float64()), far=True)
    return _monthly(frame.filter(pl.col("probability") >= 0.5), "forecast", 0.75, 0.9)


def _with_limit(asked: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The rows asked with expected, variance and upper_limit from the same calendar month in the years before each."""
    keys = ["province_code", "disease_code"]
    past = known.select(*keys, past_month="month", past_cases=pl.col("cases").cast(pl.Float64))
    same_month = pl.col("past_month").dt.month() == pl.col("month").dt.month()
    usual = (
        asked.select(*keys, "month")
        .join(past, on=keys)
        .filter((pl.col("past_month") < pl.col("month")) & same_month)
        .group_by(*keys, "month")
        .agg(expected=pl.col("past_cases").mean(), variance=pl.col("past_cases").var(), years=pl.len())
        .filter(pl.col("years") >= FEWEST_YEARS)
        .with_columns(variance=pl.max_horizontal("variance", "expected", pl.lit(1.0)) * (1 + 1 / pl.col("years")))
        .with_columns(upper_limit=pl.col("expected") + SD * pl.col("variance").sqrt())
    )
    joined = asked.with_columns(cases=pl.col("cases").cast(pl.Float64)).join(usual, on=[*keys, "month"])
    return joined.sort(*keys, "month")


def _monthly(frame: pl.DataFrame, kind: str, warning: float, alarm: float) -> pl.DataFrame:
    nothing = pl.lit(None, pl.Float64())
    labelled = frame.rename(_MONTHLY).with_columns(
        grain=pl.lit("month"), kind=pl.lit(kind), known_share=1.0, neighbour_cases=nothing, neighbour_expected=nothing
    )
    return labelled.with_columns(severity=_severity("far", warning, alarm)).select(SCHEMA.names()[1:])


def _below(cases: Floats, mean: Floats, variance: Floats) -> Floats:
    """Probability that a negative binomial of this mean and variance stays below the cases."""
    mean = np.maximum(mean, 1e-9)
    share = mean / np.maximum(variance, mean * (1 + 1e-6))
    below: Floats = nbinom.cdf(cases - 1, mean * share / (1 - share), share)
    return below


def _severity(far: str, warning: float, alarm: float) -> pl.Expr:
    return (
        pl.when((pl.col("probability") >= alarm) & pl.col(far))
        .then(pl.lit("alarm"))
        .when(pl.col("probability") >= warning)
        .then(pl.lit("warning"))
        .otherwise(pl.lit("watch"))
    )
