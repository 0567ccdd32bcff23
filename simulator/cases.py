"""The line list of notifiable cases behind the weekly counts, with its late reports, changed and discarded cases."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator import office_calendar as calendar
from simulator.epidemics import DISEASES, mondays_of
from simulator.people import describe_people

DISCARDED_SHARE = 0.06  # suspected cases that turn out to be something else, on top of the real ones
SETTLED_DAYS = 10  # after the end of a month no case of it is reported or classified any more


def draw_onsets(weekly: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One row a case since 2010: disease, unit (row of units), onset (day)."""
    return pl.concat([_onsets_of(weekly, disease, seed) for disease in DISEASES])


def _onsets_of(weekly: pl.DataFrame, disease: str, seed: int) -> pl.DataFrame:
    counts = weekly.filter(pl.col("disease") == disease)
    repeats = counts["cases"].to_numpy()
    monday = np.repeat(mondays_of(counts["week"].to_numpy()), repeats)
    day = np.random.default_rng([seed, 30, DISEASES.index(disease)]).integers(0, 7, len(monday))
    return pl.DataFrame(
        {"unit": np.repeat(counts["unit"].to_numpy(), repeats), "onset": monday + day.astype("timedelta64[D]")}
    ).select(pl.lit(disease).alias("disease"), "unit", "onset")


def plan_outbreak(units: pl.DataFrame, onsets: pl.DataFrame, anchor: date, seed: int) -> pl.DataFrame:
    """The planted dengue outbreak: columns disease, unit, onset, of one commune.

    It rises over the four weeks before the anchor's week and goes on for two more. The commune is an ordinary one with
    few cases of its own, so that the outbreak stands out.
    """
    rng = np.random.default_rng([seed, 32])
    recent = onsets.filter(
        pl.col("disease") == "dengue", pl.col("onset") >= anchor - timedelta(days=365), pl.col("onset") < anchor
    )
    usual = np.bincount(recent["unit"].to_numpy(), minlength=len(units))
    population = units["population"].to_numpy()
    likely = np.argsort(np.where(population > 12_000, usual, usual.max() + 1))[: max(1, len(units) // 3)]
    unit = int(rng.choice(likely))
    monday = np.datetime64(anchor, "D") - anchor.weekday()
    counts = np.array([9, 17, 26, 31, 28, 20, 10]) + rng.integers(-2, 3, 7) + int(usual[unit] / 26)
    weeks = np.repeat(monday + 7 * np.arange(-4, 3), counts)
    onset = weeks + rng.integers(0, 7, len(weeks)).astype("timedelta64[D]")
    return pl.DataFrame({"unit": np.full(len(onset), unit), "onset": onset}).select(
        pl.lit("dengue").alias("disease"), "unit", "onset"
    )


def monthly_counts(units: pl.DataFrame, onsets: pl.DataFrame) -> pl.DataFrame:
    """Columns old_province, disease, month (first day), cases: non-discarded ones by month of onset."""
    return (
        onsets.select(
            units["old_province"].gather(onsets["unit"]).alias("old_province"),
            "disease",
            pl.col("onset").dt.truncate("1mo").alias("month"),
        )
        .group_by("old_province", "disease", "month")
        .agg(pl.len().cast(pl.Int64).alias("cases"))
        .sort("old_province", "disease", "month")
    )


def line_list(
    units: pl.DataFrame, onsets: pl.DataFrame, outbreak: pl.DataFrame, start: date, end: date, seed: int
) -> pl.DataFrame:
    """Cases with onset in [start, end): real ones, planted ones, and suspected ones that are discarded later.

    Columns: case_id, unit, commune_code, citizen_number, name, birth_year, sex, disease, onset_date, reported_at,
    first_class, classified_at (null: never changed), final_class. Times are local and naive.
    """
    listed = onsets.filter(pl.col("onset") >= start, pl.col("onset") < end).sort("onset", "disease", "unit")
    months = listed.with_columns(pl.col("onset").dt.truncate("1mo").alias("month")).partition_by(
        "month", maintain_order=True
    )
    parts = [_describe(units, _with_discarded(month, seed), month["month"][0], seed, 0) for month in months]
    planted = outbreak.filter(pl.col("onset") < end).with_columns(
        discarded=pl.lit(False), month=pl.col("onset").dt.truncate("1mo")
    )
    parts += [
        _describe(units, month, month["month"][0], seed, 800_000)
        for month in planted.partition_by("month", maintain_order=True)
    ]
    return pl.concat(parts).sort("reported_at", "case_id")


def _with_discarded(month: pl.DataFrame, seed: int) -> pl.DataFrame:
    first = month["month"][0]
    rng = np.random.default_rng([seed, 33, first.year, first.month])
    extra = month[rng.integers(0, len(month), rng.poisson(len(month) * DISCARDED_SHARE))]
    return pl.concat([month.with_columns(discarded=pl.lit(False)), extra.with_columns(discarded=pl.lit(True))])


def _describe(units: pl.DataFrame, cases: pl.DataFrame, month: date, seed: int, first_number: int) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 31, month.year, month.month, first_number])
    n = len(cases)
    unit = cases["unit"].to_numpy()
    disease = cases["disease"].replace_strict({d: i for i, d in enumerate(DISEASES)}, return_dtype=pl.Int64).to_numpy()
    discarded = cases["discarded"].to_numpy()
    birth_year = np.maximum(month.year - _ages(rng, disease), 1925)
    female = rng.random(n) < 0.49
    person = unit.astype(np.int64) * 1_000_000 + 400_000 + rng.integers(0, 500_000, n)
    delay = rng.choice(5, n, p=[0.17, 0.33, 0.27, 0.14, 0.09])
    reported = calendar.at(
        cases["onset"].to_numpy() + delay.astype("timedelta64[D]"),
        ((7 + 13 * rng.beta(1.5, 2.2, n)) * 3600).astype(np.int64),
    )
    settled_at_once = ~discarded & (rng.random(n) < 0.25)
    wait = np.minimum(rng.lognormal(11.1, 0.8, n), 5 * 86_400)  # seconds, about 18 hours, five days at most
    first_class = np.where(settled_at_once, 2, np.where(rng.random(n) < 0.6, 0, 1))
    final_class = np.where(discarded, 3, np.where(settled_at_once | (rng.random(n) < 0.72), 2, 1))
    changes = first_class != final_class
    classified = np.where(changes, reported + wait.astype("timedelta64[s]"), np.datetime64("NaT", "s"))
    classes = pl.Series(["suspected", "probable", "confirmed", "discarded"])
    people = describe_people(person, birth_year, female, units["old_province"].gather(unit))
    frame = pl.DataFrame(
        {
            "unit": unit.astype(np.int32),
            "commune_code": units["code"].gather(unit),
            "birth_year": birth_year,
            "sex": np.where(female, "Nữ", "Nam"),
            "disease": cases["disease"],
            "onset_date": cases["onset"],
            "reported_at": reported.astype("datetime64[us]"),
            "first_class": classes.gather(first_class),
            "classified_at": classified.astype("datetime64[us]"),
            "final_class": classes.gather(final_class),
        }
    )
    frame = pl.concat([frame, people.drop("phone")], how="horizontal").sort("reported_at", "unit", "citizen_number")
    number = (pl.int_range(1, pl.len() + 1) + first_number).cast(pl.String).str.zfill(6)
    return frame.with_columns(pl.concat_str(pl.lit(f"CB{month:%y%m}-"), number).alias("case_id"))


def _ages(rng: np.random.Generator, disease: NDArray[np.int64]) -> NDArray[np.int64]:
    n = len(disease)
    grown = rng.gamma(2.2, 12, n)
    return np.select(
        [disease == 0, disease == 1, disease == 2],
        [grown, rng.gamma(2.4, 1.1, n), rng.gamma(1.3, 20, n)],
        rng.gamma(1.1, 7, n),
    ).astype(np.int64)


def state_at(cases: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    """The cases reported by `now` (local, naive), as the register showed them then: adds classification, updated_at."""
    changed = pl.col("classified_at") <= now
    return cases.filter(pl.col("reported_at") <= now).with_columns(
        pl.when(changed).then("final_class").otherwise("first_class").alias("classification"),
        pl.when(changed).then("classified_at").otherwise("reported_at").alias("updated_at"),
    )
