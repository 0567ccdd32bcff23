"""Working days and office hours of the simulated offices, all in local time (Asia/Ho_Chi_Minh, no daylight saving)."""

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOCAL = timezone(timedelta(hours=7))
Times = NDArray[np.datetime64[Any]]

_FIXED_HOLIDAYS = ("01-01", "04-30", "05-01", "09-01", "09-02")
# First day of Tết by year; offices close from two days before to five days after.
_TET = {
    2023: "2023-01-22", 2024: "2024-02-10", 2025: "2025-01-29", 2026: "2026-02-17", 2027: "2027-02-06",
    2028: "2028-01-26", 2029: "2029-02-13", 2030: "2030-02-03",
}  # fmt: skip


def tet_days() -> Times:
    """First days of Tết, as datetime64[D]."""
    return np.array(list(_TET.values()), dtype="datetime64[D]")


def _holidays() -> Times:
    fixed = [f"{year}-{day}" for year in range(2020, 2040) for day in _FIXED_HOLIDAYS]
    around_tet = (tet_days()[:, None] + np.arange(-2, 6)[None, :]).ravel()
    return np.unique(np.concatenate([np.array(fixed, dtype="datetime64[D]"), around_tet]))


_OPEN, _CLOSE = 7 * 3600 + 1800, 17 * 3600
WORKING_DAYS = np.busdaycalendar(holidays=_holidays())


def add_working_days(days: Times, count: NDArray[np.int64]) -> Times:
    """The day `count` working days after each day; a day off counts from the next working day."""
    return np.busday_offset(days.astype("datetime64[D]"), count, roll="forward", busdaycal=WORKING_DAYS)


def is_working_day(days: Times) -> NDArray[np.bool_]:
    """Whether offices are open, day by day."""
    return np.is_busday(days.astype("datetime64[D]"), busdaycal=WORKING_DAYS)


def office_seconds(rng: np.random.Generator, size: int) -> NDArray[np.int64]:
    """Seconds after midnight within office hours, 07:30–11:30 and 13:00–17:00, earlier hours being busier."""
    worked = (rng.beta(1.1, 1.4, size) * 8 * 3600).astype(np.int64)
    return np.where(worked < 4 * 3600, 7 * 3600 + 1800 + worked, 13 * 3600 + worked - 4 * 3600)


def into_office(rng: np.random.Generator, times: Times) -> Times:
    """Times within office hours as they are, others moved on to the first two hours of the next working day."""
    day = times.astype("datetime64[D]")
    second = (times - day.astype("datetime64[s]")).astype(np.int64)
    known = np.where(np.isnat(day), np.datetime64("2024-01-02", "D"), day)  # what never happens stays so
    here = is_working_day(known)
    open_now = here & (second >= _OPEN) & (second < _CLOSE)
    too_late = here & (second >= _CLOSE)
    opening = at(add_working_days(known, too_late.astype(np.int64)), _OPEN + rng.integers(0, 7200, len(times)))
    return np.where(open_now | np.isnat(times), times, opening)


def at(days: Times, seconds: NDArray[np.int64] | NDArray[np.float64]) -> Times:
    """Local times as datetime64[s] from days and seconds after midnight."""
    return days.astype("datetime64[D]").astype("datetime64[s]") + seconds.astype("timedelta64[s]")


def local_naive(moment: datetime) -> datetime:
    """A moment as local time without zone, the form in which the simulator keeps times. Raises ValueError if naive."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; pass an aware datetime")
    return moment.astimezone(LOCAL).replace(tzinfo=None)
