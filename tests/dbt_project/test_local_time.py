"""Local time by adding seven hours is that of the time zone's own history."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import jinja2
from hypothesis import example, given
from hypothesis import strategies as st

MACROS = Path(__file__).parents[2] / "dbt_project" / "macros" / "engine" / "functions.sql"
LOCAL_TIME = str(jinja2.Environment().from_string(MACROS.read_text()).module.default__local_time("?::timestamptz"))  # type: ignore[attr-defined]
SEVEN_HOURS_AHEAD = datetime(1975, 6, 12, 17)  # in UTC: midnight of the 13th
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@given(st.datetimes(SEVEN_HOURS_AHEAD, datetime(2199, 12, 31), timezones=st.just(UTC)))
@example(datetime(2024, 2, 29, 17, tzinfo=UTC))
@example(datetime(2026, 12, 31, 16, 59, 59, 999_999, tzinfo=UTC))
def test_a_moment_as_the_clock_on_the_wall_shows_it(moment: datetime) -> None:
    (told,) = duckdb.execute(f"select {LOCAL_TIME}", [moment]).fetchone() or ()
    assert told == moment.astimezone(ZONE).replace(tzinfo=None)


def test_no_moment_has_no_local_time() -> None:
    assert duckdb.execute(f"select {LOCAL_TIME}", [None]).fetchone() == (None,)
