"""What happens to a dossier after it was received: processing, supplements, the result, and when it is fetched."""

import numpy as np
from numpy.typing import NDArray

from simulator import office_calendar as calendar

_NEVER = np.datetime64("NaT", "s")


def draw_lives(
    rng: np.random.Generator,
    received: calendar.Times,
    limit: NDArray[np.int64],
    late_odds: NDArray[np.float64],
    online: NDArray[np.bool_],
) -> dict[str, calendar.Times]:
    """Due time and events of each dossier as datetime64[s], in the order in which they happen; NaT: never.

    limit: working days allowed. late_odds: probability of finishing late, time waiting for the citizen left out.
    """
    n = len(received)
    begin = calendar.into_office(rng, received)
    day = begin.astype("datetime64[D]")
    afternoon = (begin - day.astype("datetime64[s]")).astype(np.int64) >= 15 * 3600
    start = calendar.add_working_days(day, afternoon.astype(np.int64))  # then it counts from the next working day
    due = calendar.at(calendar.add_working_days(start, limit), np.full(n, 17 * 3600))
    processing = begin + _seconds(np.clip(rng.exponential(2400, n), 120, 4800))
    done = np.where(rng.random(n) < late_odds, _late(rng, due), _in_time(rng, received, processing, due))

    long = (done - processing).astype(np.int64) > 14_400
    asked = (rng.random(n) < np.where(limit == 0, 0.0, 0.10)) & long
    ask1, back1, done = _supplement(rng, asked, processing, done, rng.lognormal(3.6, 0.8, n))
    asked_twice = asked & (rng.random(n) < 0.15) & ((done - back1).astype(np.int64) > 14_400)
    ask2, back2, done = _supplement(
        rng, asked_twice, np.where(asked, back1, processing), done, rng.lognormal(3.4, 0.7, n)
    )

    # Who never brings the missing papers is stopped after thirty days; some dossiers are refused at the end.
    given_up = asked & ~asked_twice & (rng.random(n) < 0.08)
    refused = ~given_up & (rng.random(n) < 0.02)
    expired = calendar.into_office(rng, ask1 + np.timedelta64(30 * 86_400, "s"))
    finished = np.where(given_up | refused, _NEVER, done)
    return {
        "due_at": due,
        "processing_at": processing,
        "supplement1_at": ask1,
        "resumed1_at": np.where(given_up, _NEVER, back1),
        "supplement2_at": ask2,
        "resumed2_at": back2,
        "finished_at": finished,
        "returned_at": np.where(given_up | refused, _NEVER, _fetched(rng, done, online)),
        "stopped_at": np.where(given_up, expired, np.where(refused, done, _NEVER)),
    }


def _in_time(
    rng: np.random.Generator, received: calendar.Times, processing: calendar.Times, due: calendar.Times
) -> calendar.Times:
    n = len(due)
    share = rng.beta(2.4, 1.5, n)  # of the time allowed
    aim = received + _seconds(share * (due - received).astype(np.int64))
    day = calendar.add_working_days(aim, np.zeros(n, np.int64))
    done = np.maximum(
        calendar.at(day, calendar.office_seconds(rng, n)), processing + _seconds(rng.uniform(300, 2000, n))
    )
    return np.where(done > due, due - _seconds(rng.uniform(0, 900, n)), done)


def _late(rng: np.random.Generator, due: calendar.Times) -> calendar.Times:
    days = np.ceil(rng.lognormal(0.9, 0.9, len(due))).astype(np.int64)
    return calendar.at(calendar.add_working_days(due, days), calendar.office_seconds(rng, len(due)))


def _supplement(
    rng: np.random.Generator,
    asked: NDArray[np.bool_],
    earliest: calendar.Times,
    done: calendar.Times,
    wait_hours: NDArray[np.float64],
) -> tuple[calendar.Times, calendar.Times, calendar.Times]:
    """When papers are asked for and brought, and the end moved by the time waited."""
    left = (done - earliest).astype(np.int64)
    ask = earliest + _seconds(left * rng.uniform(0.1, 0.5, len(done)))
    ask = np.minimum(calendar.into_office(rng, ask), done - np.timedelta64(60, "s"))
    wait = _seconds(np.minimum(wait_hours, 1500) * 3600)
    moved = calendar.into_office(rng, done + wait)
    return np.where(asked, ask, _NEVER), np.where(asked, ask + wait, _NEVER), np.where(asked, moved, done)


def _fetched(rng: np.random.Generator, done: calendar.Times, online: NDArray[np.bool_]) -> calendar.Times:
    """When the citizen has the result: electronic ones at any hour, paper at the counter."""
    n = len(done)
    at_once = rng.random(n) < 0.5
    days = rng.exponential(1.3, n)
    download = calendar.at(done + _seconds(days * 86_400), (6 + 17 * rng.beta(2.2, 1.6, n)) * 3600)
    at_home = np.maximum(np.where(at_once, done, download), done + _seconds(rng.uniform(60, 1800, n)))
    next_days = calendar.add_working_days(done, 1 + days.astype(np.int64))
    later = calendar.at(next_days, calendar.office_seconds(rng, n))
    soon = calendar.into_office(rng, done + _seconds(rng.uniform(300, 3600, n)))
    return np.where(online, at_home, np.where(at_once, soon, later))


def _seconds(values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.timedelta64]:
    return values.astype("timedelta64[s]")
