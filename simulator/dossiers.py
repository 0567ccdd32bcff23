"""Dossiers of the one-stop desks: their whole lives, and their state at any moment.

A month's dossiers follow from (seed, month, communes, scale) alone, so that a longer or later run holds the same ones;
only the planted late commune, which is of the last months, is planted anew.
"""

from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator import office_calendar as calendar
from simulator.ability import FALL, LateCommune, lateness
from simulator.dossier_lives import draw_lives
from simulator.dossier_service import with_service
from simulator.people import describe_people
from simulator.procedure_catalogue import PROCEDURES
from simulator.province import MERGER, PROVINCE_CODE

PER_MONTH = 10_400  # dossiers of the whole province in an ordinary month at scale 1
OLD_CODE_SHARE = 0.05  # of the dossiers from before the merger, still under the code of their time

EVENTS = ["processing_at", "supplement1_at", "resumed1_at", "supplement2_at", "resumed2_at", "finished_at",
          "returned_at", "stopped_at", "synchronised_at"]  # fmt: skip
_RESULT = ["result_electronic", "result_shared", "certified_copies", "e_certified_copies"]  # told with the result


def generate_dossiers(
    units: pl.DataFrame, months: list[date], seed: int, scale: float, late: LateCommune | None = None
) -> pl.DataFrame:
    """Whole lives of the dossiers received in the months, by reception. late: a commune in trouble.

    Columns: dossier_id, commune_code, unit (row of units), procedure_code, citizen_number, name, phone, channel,
    received_at, due_at, the EVENTS (null: never happens) and those of simulator.dossier_service; all times local and
    naive, to the second.
    """
    return pl.concat([_month(units, month, seed, scale, late) for month in months])


def _month(units: pl.DataFrame, month: date, seed: int, scale: float, late: LateCommune | None) -> pl.DataFrame:
    rng = np.random.default_rng([seed, 1, month.year, month.month])
    unit, day = _arrivals(rng, units, month, scale, seed)
    n = len(unit)
    procedure = rng.choice(len(PROCEDURES), n, p=_shares([one.weight for one in PROCEDURES]))
    limit = np.array([one.limit for one in PROCEDURES])[procedure]
    online_share = np.array([one.online for one in PROCEDURES])[procedure]
    since_merger = (np.datetime64(month, "M") - np.datetime64("2025-07", "M")).astype(int)
    online_share = np.clip(online_share + 0.006 * since_merger, 0.02, 0.97)  # filing online grows year by year
    channel = np.where(rng.random(n) < online_share, 0, np.where(rng.random(n) < 0.97, 1, 2))
    channel = np.where(calendar.is_working_day(day), channel, 0)  # closed counters leave the online ones
    evening = (6.5 * 3600 + rng.beta(1.6, 1.5, n) * 16 * 3600).astype(np.int64)
    received = calendar.at(day, np.where(channel == 0, evening, calendar.office_seconds(rng, n)))
    lives = draw_lives(rng, received, limit, _late_odds(units, unit, limit, month, seed, late), channel == 0)

    adults = (units["population"].to_numpy() * 0.35).astype(np.int64)  # who have business with the desk
    person = unit.astype(np.int64) * 1_000_000 + rng.integers(0, adults[unit])
    birth_year = 1950 + (person * 7919) % 56
    people = describe_people(person, birth_year, (person * 104_729) % 2 == 0, units["old_province"].gather(unit))
    frame = pl.DataFrame(
        {
            "unit": unit.astype(np.int32),
            "commune_code": _codes(rng, units, unit, month),
            "procedure": procedure,
            "procedure_code": pl.Series([one.code for one in PROCEDURES]).gather(procedure),
            "channel": pl.Series(["online", "counter", "postal"]).gather(channel),
            "received_at": received.astype("datetime64[us]"),
            **{name: times.astype("datetime64[us]") for name, times in lives.items()},
        }
    )
    frame = pl.concat([frame, people], how="horizontal").sort("received_at", "unit", "procedure_code", "citizen_number")
    frame = with_service(frame, units, month, seed).drop("procedure")
    months_since_2000 = (month.year - 2000) * 12 + month.month
    serial = pl.int_range(1, pl.len() + 1) + months_since_2000 * 1_000_000  # nine digits, unique over the province
    number = serial.cast(pl.String).str.zfill(9)
    return frame.with_columns(
        pl.concat_str(pl.lit(f"HS-{PROVINCE_CODE}-"), "commune_code", pl.lit("-"), number).alias("dossier_id")
    )


def _arrivals(
    rng: np.random.Generator, units: pl.DataFrame, month: date, scale: float, seed: int
) -> tuple[NDArray[np.int64], calendar.Times]:
    """Receiving commune (row of units) and day of each dossier of the month."""
    first = np.datetime64(month, "M")
    length = (first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")
    days = first.astype("datetime64[D]") + np.arange(length.astype(int)).astype("timedelta64[D]")
    working = calendar.is_working_day(days)
    weekday = (days.astype(np.int64) + 3) % 7  # 0 is Monday
    busy = np.where(working, np.array([1.25, 1.05, 1.0, 0.95, 0.9, 0.1, 0.07])[weekday], 0.08)
    to_tet = (calendar.tet_days()[:, None] - days[None, :]).astype(int)
    busy = busy * np.where(((to_tet > 2) & (to_tet < 18)).any(axis=0), 1.25, 1.0)  # errands before Tết
    busy = busy * {6: 1.1, 7: 1.15, 8: 1.2, 9: 1.1}.get(month.month, 1.0)  # school papers
    liking = np.random.default_rng([seed, 2]).lognormal(0, 0.15, len(units))
    mean = PER_MONTH * scale * units["population"].to_numpy() / 3_873_000 * liking * busy.sum() / 22.5
    count = rng.poisson(mean)
    unit = np.repeat(np.arange(len(units)), count)
    return unit, rng.choice(days, len(unit), p=busy / busy.sum())


def _late_odds(
    units: pl.DataFrame,
    unit: NDArray[np.int64],
    limit: NDArray[np.int64],
    month: date,
    seed: int,
    late: LateCommune | None,
) -> NDArray[np.float64]:
    """Probability that a dossier is finished late: communes differ, and the merger cost time."""
    of_commune = lateness(units, seed)
    if late and month >= late.from_month:
        of_commune[late.unit] += FALL
    learning = -0.02 * ((month.year - 2024) * 12 + month.month - 11)
    merger = {7: 1.1, 8: 0.8, 9: 0.4}.get(month.month, 0.0) if month.year == 2025 else 0.0
    odds = of_commune[unit] + learning + merger + 0.05 * np.minimum(limit, 20) - np.where(limit == 0, 1.0, 0.0)
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


def _codes(rng: np.random.Generator, units: pl.DataFrame, unit: NDArray[np.int64], month: date) -> pl.Series:
    """Commune code of each dossier: of a few from before the merger, the dissolved commune's."""
    codes = units["code"].gather(unit)
    draw = pl.Series(rng.random(len(unit)))
    pick = pl.Series(rng.integers(0, 1_000, len(unit)))
    if np.datetime64(month, "D") >= MERGER:
        return codes
    old = units["old_codes"].gather(unit)
    return pl.select(
        pl.when((draw < OLD_CODE_SHARE) & (old.list.len() > 0))
        .then(old.list.get(pick % old.list.len().clip(1), null_on_oob=True))
        .otherwise(codes)
    ).to_series()


def _shares(weights: list[int]) -> NDArray[np.float64]:
    array = np.array(weights, dtype=np.float64)
    return array / array.sum()


def state_at(lives: pl.LazyFrame, now: datetime) -> pl.LazyFrame:
    """The dossiers known at `now` (local, naive), each as the desk showed it then.

    Adds updated_at, status, waiting_hours, supplement_requests and synchronised; events still to come and what is told
    with them are null.
    """
    known = lives.filter(pl.col("received_at") <= now).with_columns(
        pl.when(pl.col(event) <= now).then(pl.col(event)).alias(event) for event in EVENTS
    )
    waiting = pl.col("supplement1_at").is_not_null() & pl.col("resumed1_at").is_null()
    waiting_again = pl.col("supplement2_at").is_not_null() & pl.col("resumed2_at").is_null()
    waits = [(pl.col(f"resumed{i}_at") - pl.col(f"supplement{i}_at")).dt.total_seconds() for i in (1, 2)]
    return known.with_columns(
        pl.max_horizontal("received_at", *EVENTS).alias("updated_at"),
        pl.when(pl.col("returned_at").is_not_null()).then(pl.lit("returned"))
        .when(pl.col("finished_at").is_not_null()).then(pl.lit("finished"))
        .when(pl.col("stopped_at").is_not_null()).then(pl.lit("stopped"))
        .when(waiting | waiting_again).then(pl.lit("supplement"))
        .when(pl.col("processing_at").is_not_null()).then(pl.lit("processing"))
        .otherwise(pl.lit("received"))
        .alias("status"),
        (pl.sum_horizontal(waits) / 3600).round(1).alias("waiting_hours"),
        pl.sum_horizontal(pl.col(f"supplement{i}_at").is_not_null().cast(pl.Int64) for i in (1, 2)).alias(
            "supplement_requests"
        ),
        pl.col("synchronised_at").is_not_null().alias("synchronised"),
        *(pl.when(pl.col("finished_at").is_not_null()).then(pl.col(name)).alias(name) for name in _RESULT),
        pl.when(pl.col("returned_at").is_not_null()).then("rating").alias("rating"),
    )  # fmt: skip
