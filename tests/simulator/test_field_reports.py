"""Officers' reports as they are made: the same past whenever, working days and storms, edits, planted rows."""

from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings, strategies
from polars.testing import assert_frame_equal

from simulator.bad_reports import BAD_ITEMS, BAD_REPORTS
from simulator.field_reports import field_reports, state_at
from simulator.odk_filter import submission_filter
from simulator.province import read_communes
from simulator.result_sets import QueryError
from simulator.truth import draw_kinds

START, END = date(2025, 11, 1), date(2026, 11, 1)


@pytest.fixture(scope="module")
def made() -> pl.DataFrame:
    return field_reports(read_communes(), START, END, seed=7, scale=1.0)


def test_a_later_generation_holds_the_same_past(made: pl.DataFrame) -> None:
    longer = field_reports(read_communes(), START, date(2027, 1, 1), seed=7, scale=1.0)
    assert_frame_equal(longer.filter(pl.col("submitted_at") < datetime(2026, 11, 1)), made)
    assert not field_reports(read_communes(), START, END, seed=8, scale=1.0).equals(made)


def test_days_are_busy_where_offices_are_open_and_storms_bring_disasters(made: pl.DataFrame) -> None:
    days = made.group_by(day=pl.col("submitted_at").dt.date()).len()
    working = days.filter(pl.col("day").dt.weekday() <= 5)
    off = days.filter(pl.col("day").dt.weekday() == 7)
    assert 24 < working["len"].median() < 36  # type: ignore[operator]
    assert off["len"].sum() / len(off) < 10
    tet = made.filter(pl.col("submitted_at").dt.date().is_between(date(2026, 2, 15), date(2026, 2, 22)))
    assert len(tet) < 60
    disasters = made.filter(category="thien_tai").group_by(pl.col("submitted_at").dt.month().alias("month")).len()
    by_month = dict(disasters.iter_rows())
    assert by_month[9] > 4 * by_month[2]
    assert len(made["commune_code"].unique()) > 110


def test_every_kind_is_planted_at_a_low_rate(made: pl.DataFrame) -> None:
    bad = made.filter(pl.col("bad").is_not_null())
    assert set(bad["bad"]) == set(BAD_REPORTS)
    assert 0.002 < len(bad) / len(made) < 0.006
    lines = made.select(pl.col("items").explode()).drop_nulls().unnest("items")
    assert set(lines["bad"].drop_nulls()) == set(BAD_ITEMS)
    assert lines["bad"].count() / len(lines) < 0.008
    assert made["id"].is_unique().all() and lines["id"].is_unique().all()
    assert made["code"].n_unique() == len(made) - len(bad.filter(bad="exact_duplicate"))


@pytest.mark.parametrize("seed", range(20))
def test_the_kinds_come_one_after_the_other(seed: int) -> None:
    """All at once they would be more than a fifth of a quiet first day, and its load would rightly be rejected."""
    first = datetime(2025, 11, 1)
    times = pl.Series("at", [first + timedelta(hours=hour) for hour in range(500)])
    kinds = list(BAD_REPORTS)
    drawn = draw_kinds(times, kinds, seed, {}, 240)
    for number, kind in enumerate(kinds):
        assert kind in drawn[number * 30 : (number + 1) * 30].to_list(), (kind, seed)


@settings(max_examples=25, deadline=None)
@given(hours=strategies.floats(0, 24 * 365))
def test_at_any_moment_only_what_has_happened_is_shown(made: pl.DataFrame, hours: float) -> None:
    now = datetime(2025, 11, 1) + timedelta(hours=hours)
    shown = state_at(made, now)
    assert len(shown) == len(made.filter(pl.col("submitted_at") <= now))
    assert shown.select((pl.col("updated_at") <= now).all() | (pl.len() == 0)).item() in (True, None)
    assert shown.filter(pl.col("updated_at") < pl.col("submitted_at")).is_empty()
    assert shown["updated_at"].is_null().equals(shown["review_state"].is_null())
    assert shown["submitted_at"].is_sorted(descending=True)
    later = state_at(made, now + timedelta(hours=5))
    both = shown.join(later, on="id")
    other_state = pl.col("review_state").ne_missing(pl.col("review_state_right"))
    changed = both.filter(other_state | (pl.col("severity") != pl.col("severity_right")))
    assert (changed["updated_at_right"] > now).all(), "whatever changes has a new time of change"


@pytest.mark.parametrize("communes", [1, 3])
def test_a_world_can_be_too_small_for_a_report(communes: int) -> None:
    small = field_reports(read_communes(communes), START, date(2026, 2, 1), seed=7, scale=0.01)
    assert state_at(small, datetime(2026, 2, 1)).height == len(small) < 10


def test_the_filter_is_read_with_its_brackets() -> None:
    moments = [datetime(2026, 1, day) for day in (1, 2, 3)]
    rows = pl.DataFrame({"submitted_at": moments, "review_state": ["a", None, "b"]})
    second = "__system/submissionDate ge 2026-01-02T00:00:00+07:00"
    for text, days in (
        (f"{second} and __system/reviewState eq 'b'", [3]),
        (f"not ({second}) or __system/reviewState eq null", [1, 2]),
        (f"({second} or __system/reviewState ne null) and __system/reviewState ne 'b'", [1]),
        ("", [1, 2, 3]),
    ):
        found = rows.filter(submission_filter(text, True))["submitted_at"].dt.day().to_list()
        assert found == days, text
    for text in (f"{second} )", f"({second}", "and", "__system/updatedAt", "$root/Submissions/__system/x eq null"):
        with pytest.raises(QueryError, match=r"\$filter"):
            submission_filter(text, True)
