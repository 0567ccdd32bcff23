"""What the registers have in common: months, when and where something happens, who it happens to, and corrections."""

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulator import office_calendar as calendar
from simulator.people import describe_people

PROVINCE_POPULATION = 3_873_000
DAYS_A_MONTH = 30.4
Whole = NDArray[np.int64]


def months_between(start: date, end: date) -> list[date]:
    """First days of the months from start's month on, before end."""
    first, last = start.year * 12 + start.month - 1, end.year * 12 + end.month - 1
    return [date(i // 12, i % 12 + 1, 1) for i in range(first, last if end.day == 1 else last + 1)]


def days_of(month: date) -> calendar.Times:
    """The month's days, as datetime64[D]."""
    first = np.datetime64(month, "M")
    length = (first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")
    return first.astype("datetime64[D]") + np.arange(length.astype(int)).astype("timedelta64[D]")


def arrivals(
    rng: np.random.Generator, units: pl.DataFrame, month: date, per_day: float, day_off: float
) -> tuple[Whole, calendar.Times]:
    """Commune (row of units) and day of each event of the month, per_day of them in the whole province.

    day_off: share of a working day's events that a day off has. Offices are busier on Mondays and before Tết.
    """
    days = days_of(month)
    weekday = (days.astype(np.int64) + 3) % 7
    busy = np.where(calendar.is_working_day(days), np.array([1.2, 1.05, 1, 0.95, 0.9, 1, 1])[weekday], day_off)
    to_tet = (calendar.tet_days()[:, None] - days[None, :]).astype(int)
    busy = busy * np.where(((to_tet > 2) & (to_tet < 18)).any(axis=0), 1.2, 1.0)
    usual = 5 / 7 + 2 / 7 * day_off  # of the week's days
    mean = per_day * units["population"].to_numpy() / PROVINCE_POPULATION * busy.sum() / usual
    unit = np.repeat(np.arange(len(units)), rng.poisson(mean))
    return unit, rng.choice(days, len(unit), p=busy / busy.sum())


def citizens(rng: np.random.Generator, units: pl.DataFrame, unit: Whole, block: int) -> pl.DataFrame:
    """Somebody of each commune: citizen_number, name, phone. block: keeps registers' persons apart, below 40."""
    person = unit.astype(np.int64) * 1_000_000 + block * 25_000 + rng.integers(0, 25_000, len(unit))
    birth_year = 1948 + (person * 7919) % 58
    return describe_people(person, birth_year, (person * 104_729) % 2 == 0, units["old_province"].gather(unit))


def places(units: pl.DataFrame, unit: Whole) -> dict[str, pl.Series]:
    """Code and name of each row's commune."""
    return {"code": units["code"].gather(unit), "name": units["name"].gather(unit)}


def with_serials(frame: pl.DataFrame, column: str, prefix: str) -> pl.DataFrame:
    """The frame with identifiers of six digits in the order of its rows; the first digit 9 is left to bad records."""
    if len(frame) >= 900_000:
        raise ValueError(f"{len(frame)} rows under the prefix {prefix}; six digits number 899,999, take a lower scale")
    serial = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(6)
    return frame.with_columns(pl.concat_str(pl.lit(prefix), serial).alias(column))


def with_corrections(
    rng: np.random.Generator,
    frame: pl.DataFrame,
    updated: str,
    share: float,
    days: tuple[int, int],
    change: Callable[[pl.DataFrame], pl.DataFrame],
) -> pl.DataFrame:
    """The versions of the frame and, of a share of them, a corrected one so many days later in office hours."""
    chosen = frame.filter(pl.Series(rng.random(len(frame)) < share))
    later = chosen[updated].to_numpy().astype("datetime64[D]") + rng.integers(*days, len(chosen)).astype(
        "timedelta64[D]"
    )
    moment = calendar.into_office(rng, calendar.at(later, calendar.office_seconds(rng, len(chosen))))
    corrected = change(chosen).with_columns(micro(moment).alias(updated))
    return pl.concat([frame, corrected.select(frame.columns)])


def micro(times: calendar.Times) -> pl.Series:
    """Times as the frames keep them; what never happens is null."""
    return pl.Series(times.astype("datetime64[us]"))
