"""Cases of the last weeks once late reports are in, by the line list's own delays from onset to report.

How many of the cases with onset on a day are reported within d days is the product of one minus the share that
reports on day k among those reported by then, for all k > d, of onsets that are k days old at least (Kalbfleisch and
Lawless 1989, J Am Stat Assoc 84): recent onsets, whose late reports are still to come, do not make delays look short.
What is still to come of n known cases is then negative binomial: the rate is Gamma, around the unit's last weeks where
it is a commune, and the reports are Poisson.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import nbinom

from models_ml.panel import Floats

LONGEST_DELAY = 28  # days: later reports are few, and tell of mistakes rather than of habits
LEARN_DAYS = 90  # of onsets before today, whose delays are learnt
FEWEST_REPORTS = 30  # of a disease, to learn its delays; with fewer, those of all diseases together
WEEKS = 4  # the running week and those before it
USUAL_WEEKS = 8  # before them, from which a commune's rate is
SHAPE = 1.0  # of the Gamma around a commune's rate; of a province what is known says all
LEAST_RATE = 0.1  # cases a week
WHOLE = 0.999  # a week known to this share needs no correction

SCHEMA = pl.Schema(
    {
        "origin": pl.Date(),
        "unit_code": pl.String(),
        "disease_code": pl.String(),
        "week_start": pl.Date(),
        "until_day": pl.Date(),
        "known": pl.Int64(),
        "known_share": pl.Float64(),
        "cases": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
    }
)


def delay_shares(delays: Floats, ages: Floats, longest: int = LONGEST_DELAY) -> Floats:
    """(longest + 1,) share of cases reported within 0, 1, … days. delays, ages: (cases,) days from onset to report, to
    today; cases whose delay is longer, or not below their age, are left out.
    """
    use = (delays >= 0) & (delays <= longest) & (delays < ages)
    counts, _, _ = np.histogram2d(
        delays[use], np.minimum(ages[use], longest + 1), bins=[np.arange(longest + 2), np.arange(1, longest + 3)]
    )  # (delay, age − 1): the oldest together
    old_enough = counts[:, ::-1].cumsum(axis=1)[:, ::-1]  # (delay, age or older)
    days = np.arange(longest + 1)
    then = old_enough[days, days]  # of delay k, of onsets more than k days ago
    by_then = np.array([old_enough[: day + 1, day].sum() for day in days])
    hazard = np.divide(then, by_then, out=np.zeros(longest + 1), where=by_then > 0)
    later = np.append(np.cumprod((1 - hazard)[::-1])[::-1][1:], 1.0)  # of all k > d
    shares: Floats = later
    return shares


def known_shares(cases: pl.DataFrame, today: date) -> pl.DataFrame:
    """disease_code, week_start, until_day (the last day of onset that counts), known_share: of the last WEEKS weeks.

    cases: disease_code, onset_date, reported_on (days), one row a case. Reports of today are not known yet. Diseases
    and weeks without any case at all in the last LEARN_DAYS days say nothing, nor does a week of which no report can be
    there yet.
    """
    known = cases.filter(
        pl.col("reported_on") < today, pl.col("onset_date") >= today - timedelta(days=LEARN_DAYS)
    ).with_columns(
        delay=(pl.col("reported_on") - pl.col("onset_date")).dt.total_days(),
        age=(pl.lit(today) - pl.col("onset_date")).dt.total_days(),
    )
    if len(known) < FEWEST_REPORTS:
        return pl.DataFrame(
            schema={"disease_code": pl.String, "week_start": pl.Date, "until_day": pl.Date, "known_share": pl.Float64}
        )
    monday = today - timedelta(days=today.weekday())
    rows = []
    for (disease,), own in sorted(known.partition_by("disease_code", as_dict=True).items()):
        learn = own if len(own) >= FEWEST_REPORTS else known
        shares = delay_shares(learn["delay"].to_numpy(), learn["age"].to_numpy())
        for ago in range(WEEKS):
            first = monday - timedelta(weeks=ago)
            ages = [age for age in ((today - first).days - day for day in range(7)) if age > 0]
            if ages:
                share = float(np.mean([shares[min(age - 1, LONGEST_DELAY)] for age in ages]))
                until = first + timedelta(days=len(ages) - 1)
                if share > 0:
                    rows.append((disease, first, until, share))
    return pl.DataFrame(
        rows,
        {"disease_code": pl.String, "week_start": pl.Date, "until_day": pl.Date, "known_share": pl.Float64},
        orient="row",
    )


def nowcast(cases: pl.DataFrame, units: pl.DataFrame, today: date) -> pl.DataFrame:
    """Median and 80 % interval of the cases with onset in each of the last weeks, up to yesterday, by SCHEMA.

    cases: commune_code, disease_code, onset_date, reported_on. units: unit_code of the communes, province_code.
    """
    shares = known_shares(cases, today)
    origin = today.replace(day=1)
    if shares.is_empty():
        return SCHEMA.to_frame()
    known = cases.filter(pl.col("reported_on") < today, pl.col("onset_date") < today).with_columns(
        week_start=pl.col("onset_date").dt.truncate("1w")
    )
    counted = known.group_by("commune_code", "disease_code", "week_start").agg(known=pl.len().cast(pl.Int64))
    grid = units.rename({"unit_code": "commune_code"}).join(shares, how="cross")
    last = shares["week_start"].min()
    before = counted.filter(
        pl.col("week_start") < last,
        pl.col("week_start") >= last - timedelta(weeks=USUAL_WEEKS),  # type: ignore[operator]
    )
    usual = before.group_by("commune_code", "disease_code").agg(usual=pl.col("known").sum() / USUAL_WEEKS)
    communes = (
        grid.join(counted, on=["commune_code", "disease_code", "week_start"], how="left")
        .join(usual, on=["commune_code", "disease_code"], how="left")
        .with_columns(pl.col("known").fill_null(0), pl.max_horizontal(pl.col("usual").fill_null(0), LEAST_RATE))
    )
    keys = ["disease_code", "week_start", "until_day", "known_share"]
    provinces = communes.group_by("province_code", *keys).agg(pl.col("known").sum(), usual=pl.lit(np.inf))
    table = pl.concat(
        [
            communes.select("known", "usual", *keys, unit_code="commune_code"),
            provinces.select("known", "usual", *keys, unit_code="province_code"),
        ]
    ).sort("unit_code", "disease_code", "week_start")
    seen, share = table["known"].to_numpy().astype(np.float64), table["known_share"].to_numpy()
    own = np.isinf(table["usual"].to_numpy())
    days = (table["until_day"] - table["week_start"]).dt.total_days().to_numpy() + 1
    shape = np.where(own, 0.5, SHAPE)
    rate = np.where(own, 0.0, SHAPE / np.where(own, 1.0, table["usual"].to_numpy() * days / 7))
    columns = {
        name: seen + to_come(seen, share, shape, rate, level)
        for name, level in (("low", 0.1), ("cases", 0.5), ("high", 0.9))
    }
    return table.with_columns(origin=pl.lit(origin), **{k: pl.Series(v) for k, v in columns.items()}).select(
        SCHEMA.names()
    ).cast(SCHEMA)  # fmt: skip


def to_come(known: Floats, share: Floats, shape: Floats, rate: Floats, level: float) -> Floats:
    """Quantile of the cases that are still to be reported, by a Gamma(shape, rate) around the cases of a week.

    All (cells,). share: of the cases that are known.
    """
    chance = (rate + share) / (rate + 1)
    late: Floats = nbinom.ppf(level, known + shape, np.minimum(chance, 1.0))
    return np.where(share >= WHOLE, 0.0, np.maximum(late, 0.0))
