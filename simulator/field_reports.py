"""Reports of commune officers from the field: about 30 on a working day, later edited and reviewed.

Made month by month from seeds of their own, so that a later generation holds the same past.
"""

from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator.bad_reports import plant_bad_items, plant_bad_reports, write_bad_reports
from simulator.office_calendar import Times, at, is_working_day, tet_days
from simulator.people import describe_people
from simulator.report_texts import compose_texts

PER_WORKING_DAY = 30.0  # of the whole province at scale 1
CATEGORIES = ["moi_truong", "do_thi", "an_ninh_trat_tu", "thien_tai"]
ITEM_UNITS = {"nha_o": "căn", "hoa_mau": "ha", "duong": "m", "cot_dien": "cột", "cay_xanh": "cây", "vat_nuoi": "con"}
_TYPICAL = [3.0, 2.5, 40.0, 2.0, 8.0, 15.0]  # median quantity of each kind of damage
_STORMS = [0.2, 0.2, 0.3, 0.5, 1.0, 1.3, 1.8, 2.2, 2.4, 2.2, 1.4, 0.5]  # weight of disasters by month
_OFFICERS = 4  # of a commune


def field_reports(units: pl.DataFrame, start: date, end: date, seed: int, scale: float) -> pl.DataFrame:
    """Reports submitted from `start` to before `end` (first days of months) in local time, by submitted_at and id.

    Columns: id, code, commune_code, shown_code (what the form says), commune_name, officer (citizen number), category,
    severity, final_severity (after the edit), observed_at, longitude, latitude, accuracy, place, text, identifier_kind
    and identifier (planted in the text, null: none), items (list of id, kind, quantity, unit, bad: kind or null),
    submitted_at, edited_at, reviewed_at, outcome (approved, hasIssues, rejected), mended_at, approved_at (null: never),
    bad (kind or null).
    """
    months = np.arange(np.datetime64(start, "M"), np.datetime64(end, "M"))
    good = pl.concat([_month(units, month.astype(date), seed, scale) for month in months]).sort("submitted_at", "id")
    return plant_bad_reports(plant_bad_items(good, seed), seed).sort("submitted_at", "id")


def _month(units: pl.DataFrame, month: date, seed: int, scale: float) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 70, month.year, month.month])
    first = np.datetime64(month, "M")
    days: Times = np.arange(first.astype("datetime64[D]"), (first + 1).astype("datetime64[D]"), dtype="datetime64[D]")
    unit, day = np.nonzero(counts := rng.poisson(_rates(units, days, seed, scale)))
    times = counts[unit, day]
    unit, day = np.repeat(unit, times), np.repeat(day, times)
    n = len(unit)
    storm = _STORMS[month.month - 1]
    weights = np.array([3.0, 3.2, 1.8, storm])
    category = rng.choice(4, n, p=weights / weights.sum())
    severity = np.minimum(1 + rng.binomial(3, np.where(category == 3, 0.45, 0.22)), 4)
    submitted = at(days[day], (6.5 + 12 * rng.beta(1.6, 1.8, n)) * 3600)
    # most are sent on the spot, some when the phone has a network again
    delay = np.where(rng.random(n) < 0.9, rng.exponential(1800, n), rng.exponential(86_400, n)) + 60
    officer = units["code"].cast(pl.Int64).to_numpy()[unit] * _OFFICERS + rng.integers(0, _OFFICERS, n)
    born = 1968 + officer * 7 % 33
    old_province = units["old_province"].gather(unit)
    person = describe_people(officer + 40_000_000, born, officer % 3 == 0, old_province)
    texts = compose_texts(rng, category, old_province, person["citizen_number"])
    spread = units["area_km2"].to_numpy()[unit] ** 0.5 / 111 / 4
    ids = pl.Series(_hexadecimal(rng, n), dtype=pl.String)
    frame = pl.DataFrame(
        {
            "id": pl.select(
                pl.concat_str(
                    pl.lit("uuid:"), ids.str.slice(0, 8), pl.lit("-"), ids.str.slice(8, 4), pl.lit("-4"),
                    ids.str.slice(12, 3), pl.lit("-a"), ids.str.slice(15, 3), pl.lit("-"), ids.str.slice(18, 12),
                )
            ).to_series(),
            "commune_code": units["code"].gather(unit),
            "shown_code": units["code"].gather(unit),
            "commune_name": units["name"].gather(unit),
            "officer": person["citizen_number"],
            "category": pl.Series(CATEGORIES).gather(category),
            "severity": severity,
            "final_severity": np.clip(severity + rng.choice([-1, 1], n), 1, 4),
            "observed_at": (submitted - delay.astype("timedelta64[s]")).astype("datetime64[us]"),
            "longitude": (units["longitude"].to_numpy()[unit] + rng.normal(0, 1, n) * spread).round(7),
            "latitude": (units["latitude"].to_numpy()[unit] + rng.normal(0, 1, n) * spread).round(7),
            "accuracy": rng.lognormal(1.8, 0.6, n).round(1),
            "submitted_at": submitted.astype("datetime64[us]"),
        }
    )  # fmt: skip
    frame = frame.with_columns(texts.get_columns()).with_columns(_reviews(rng, submitted).get_columns())
    serial = pl.int_range(1, pl.len() + 1).over("commune_code", pl.col("submitted_at").dt.date())
    frame = frame.with_columns(
        code=pl.format(
            "PA-{}-{}-{}",
            "commune_code",
            pl.col("submitted_at").dt.strftime("%y%m%d"),
            serial.cast(pl.String).str.zfill(3),
        )
    )
    return frame.with_columns(_items(rng, frame, category == 3))


def _rates(units: pl.DataFrame, days: Times, seed: int, scale: float) -> NDArray[np.float64]:
    """Expected reports by commune and day."""
    rng = np.random.default_rng([seed, 71])
    population = units["population"].to_numpy()
    diligence = rng.lognormal(0, 0.4, len(units)) * np.where(rng.random(len(units)) < 0.08, 0.1, 1.0)  # some never do
    share = np.sqrt(population / 31_000) * diligence / 124
    around_tet = np.isin(days, (tet_days()[:, None] + np.arange(-2, 6)[None, :]).ravel())
    busy = np.where(is_working_day(days), 1.0, np.where(around_tet, 0.08, 0.18))
    return np.asarray(PER_WORKING_DAY * scale * share[:, None] * busy[None, :], dtype=np.float64)


def _reviews(rng: np.random.Generator, submitted: Times) -> pl.DataFrame:
    """Edits by officers, reviews by their office: edited_at, reviewed_at, outcome, mended_at, approved_at."""
    n = len(submitted)

    def later(moments: Times, hours: float) -> Times:
        return moments + (600 + rng.exponential(hours * 3600, n)).astype("timedelta64[s]")

    edited = later(submitted, 3)
    first = np.where(rng.random(n) < 0.12, edited, submitted)
    reviewed = later(first, 26)
    mended = later(reviewed, 30)
    frame = pl.DataFrame(
        {
            "edited_at": edited.astype("datetime64[us]"),
            "reviewed_at": reviewed.astype("datetime64[us]"),
            "outcome": pl.Series(["approved", "hasIssues", "rejected"]).gather(rng.choice(3, n, p=[0.78, 0.14, 0.08])),
            "mended_at": mended.astype("datetime64[us]"),
            "approved_at": later(mended, 20).astype("datetime64[us]"),
        }
    )
    never = pl.Series(rng.random(n) < 0.07)
    mends = pl.Series(rng.random(n) < 0.75) & (frame["outcome"] == "hasIssues") & ~never
    return frame.with_columns(
        pl.when(pl.Series(first == edited)).then("edited_at").alias("edited_at"),
        *(pl.when(~never).then(name).alias(name) for name in ("reviewed_at", "outcome")),
        *(pl.when(mends).then(name).alias(name) for name in ("mended_at", "approved_at")),
    )


def _items(rng: np.random.Generator, frame: pl.DataFrame, disaster: NDArray[np.bool_]) -> pl.Series:
    """What was damaged: up to five lines, mostly after disasters."""
    n = len(frame)
    count = np.where(rng.random(n) < np.where(disaster, 0.9, 0.08), rng.integers(1, 6, n), 0)
    owner = np.repeat(np.arange(n), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    kind = rng.integers(0, len(ITEM_UNITS), len(owner))
    quantity = np.maximum(np.array(_TYPICAL)[kind] * rng.lognormal(0, 0.7, len(owner)), 1)
    whole = np.where(kind == 1, quantity.round(1), quantity.round())
    lines = pl.DataFrame(
        {
            "owner": owner.astype(np.uint32),
            "id": pl.select(
                pl.concat_str(
                    frame["id"].gather(owner).str.slice(5).str.replace_all("-", ""),
                    pl.Series(place).cast(pl.String).str.zfill(8),
                )
            ).to_series(),
            "kind": pl.Series(list(ITEM_UNITS)).gather(kind),
            "quantity": pl.Series(whole).cast(pl.String).str.strip_suffix(".0"),
            "unit": pl.Series(list(ITEM_UNITS.values())).gather(kind),
            "bad": pl.Series([None] * len(owner), dtype=pl.String),
        }
    )
    grouped = lines.group_by("owner", maintain_order=True).agg(pl.struct(pl.exclude("owner")).alias("items"))
    every = pl.DataFrame({"owner": np.arange(n, dtype=np.uint32)}).join(grouped, on="owner", how="left")
    return every["items"].fill_null([])


def _hexadecimal(rng: np.random.Generator, n: int) -> list[str]:
    return [bytes(row).hex() for row in rng.integers(0, 256, (n, 15), dtype=np.uint8)]


def state_at(made: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Reports as the server shows them at a local moment, newest first.

    Adds updated_at (null until anything happened) and review_state; severity is that of the moment.
    """
    happened = {
        name: pl.when(pl.col(name) <= now).then(name)
        for name in ("edited_at", "reviewed_at", "mended_at", "approved_at")
    }
    return (
        made.lazy()
        .filter(pl.col("submitted_at") <= now)
        .with_columns(**happened)
        .with_columns(
            updated_at=pl.max_horizontal(*happened),
            severity=pl.when(pl.col("edited_at").is_not_null()).then("final_severity").otherwise("severity"),
            review_state=pl.when(pl.col("approved_at").is_not_null())
            .then(pl.lit("approved"))
            .when(pl.col("mended_at").is_not_null())
            .then(pl.lit("edited"))
            .when(pl.col("reviewed_at").is_not_null())
            .then("outcome")
            .when(pl.col("edited_at").is_not_null())
            .then(pl.lit("edited")),
        )
        .sort("submitted_at", "id", descending=True)
        .collect()
    )


def open_reports(
    home: Path, fingerprint: str, units: pl.DataFrame, start: date, seed: int, scale: float
) -> pl.DataFrame:
    """The reports that belong to a generation of the world, made unless they are kept beside it."""
    kept = home / "generated" / fingerprint / "field_reports.parquet"
    if not kept.exists():
        anchor = date.fromisoformat(fingerprint.partition("-")[2])
        end = date(anchor.year + (anchor.month + 4) // 12, (anchor.month + 4) % 12 + 1, 1)  # as far as the world goes
        half = kept.with_suffix(".tmp")
        field_reports(units, start, end, seed, scale).write_parquet(half)
        half.replace(kept)
    made = pl.read_parquet(kept)
    write_bad_reports(home / "truth", made)
    return made
