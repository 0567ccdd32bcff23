"""Working-day arithmetic in SQL against counting day by day."""

import random
from datetime import date, timedelta
from pathlib import Path

import duckdb
import holidays
import jinja2
import polars as pl
import pytest

from lake.staging import write_staging_models

PROJECT = Path(__file__).parents[2] / "dbt_project"
EXTRA_OFF, EXTRA_WORKED = {date(2026, 1, 2)}, {date(2026, 1, 10)}  # 12729/VPCP-KGVX
DAY = timedelta(days=1)


def render(sql: str, empty: Path) -> str:
    """The SQL as dbt compiles it; what it refers to has its bare name."""
    macros = "".join(
        (PROJECT / "macros" / name).read_text(encoding="utf-8") for name in ("loads.sql", "working_days.sql")
    )
    names = {"ref": lambda name: name, "env_var": {"KHO_EMPTY": str(empty)}.__getitem__}
    return jinja2.Environment(extensions=["jinja2.ext.do"]).from_string(macros + sql).render(**names)


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> tuple[duckdb.DuckDBPyConnection, Path]:
    """int_working_day as the project makes it."""
    home = tmp_path_factory.mktemp("calendar")
    write_staging_models({}, home / "models", home / "empty")
    connection = duckdb.connect()
    connection.sql(
        "create table int_day as select day::date as day "
        "from generate_series(timestamp '2010-01-01', timestamp '2035-12-31', interval '1 day') as days (day)"
    )
    swaps = PROJECT / "seeds" / "working_day_swaps.csv"
    connection.sql(f"create table working_day_swaps as from read_csv('{swaps}')")
    model = (PROJECT / "models" / "intermediate" / "calendar" / "int_working_day.sql").read_text(encoding="utf-8")
    connection.sql(f"create table int_working_day as {render(model, home / 'empty')}")
    return connection, home / "empty"


def is_worked(day: date, off: holidays.HolidayBase) -> bool:
    """Told by the package of holidays, not by our SQL."""
    if day in off.weekend_workdays or day in EXTRA_WORKED:
        return True
    return day.weekday() < 5 and day not in off and day not in EXTRA_OFF


def later(day: date, n: int, off: holidays.HolidayBase) -> date:
    """n working days on, one day at a time."""
    if n == 0:
        while not is_worked(day, off):
            day += DAY
    step = DAY if n > 0 else -DAY
    for _ in range(abs(n)):
        day += step
        while not is_worked(day, off):
            day += step
    return day


def asked(calendar: tuple[duckdb.DuckDBPyConnection, Path], pairs: list[tuple[date, int]]) -> list[tuple[date, int]]:
    """Of each day and number: the day by add_working_days, and the working days from the one to the other."""
    connection, empty = calendar
    rows = pl.DataFrame(pairs, {"place": pl.Date(), "n": pl.Int64()}, orient="row").with_row_index("number")
    connection.register("pairs", rows)
    inner = render("select number, place, n, {{ add_working_days('pairs.place', 'pairs.n') }} as due from pairs", empty)
    outer = render(
        "select due, {{ working_days_between('asked.place', 'asked.due') }} from asked order by number", empty
    )
    return connection.sql(f"with asked as ({inner}) {outer}").fetchall()


@pytest.mark.parametrize(
    ("day", "n", "due"),
    [
        (date(2026, 2, 13), 1, date(2026, 2, 23)),  # over Tết
        (date(2026, 2, 11), 5, date(2026, 2, 25)),
        (date(2026, 2, 17), 0, date(2026, 2, 23)),  # ends on a day off: the next working day
        (date(2026, 2, 17), 1, date(2026, 2, 23)),
        (date(2026, 2, 17), -1, date(2026, 2, 13)),
        (date(2026, 8, 21), 1, date(2026, 8, 22)),  # a Saturday made up for
        (date(2026, 8, 28), 1, date(2026, 9, 3)),  # over the National Day
        (date(2028, 2, 28), 1, date(2028, 2, 29)),
        (date(2025, 12, 31), 1, date(2026, 1, 5)),
        (date(2026, 1, 9), 1, date(2026, 1, 10)),
    ],
)
def test_deadlines_over_holidays(
    calendar: tuple[duckdb.DuckDBPyConnection, Path], day: date, n: int, due: date
) -> None:
    assert asked(calendar, [(day, n)])[0][0] == due


def test_any_deadline_is_what_counting_day_by_day_gives(calendar: tuple[duckdb.DuckDBPyConnection, Path]) -> None:
    off = holidays.country_holidays("VN", years=range(2010, 2036), language="vi")
    drawn = random.Random(5)
    pairs = [(date(2011, 1, 1) + DAY * drawn.randrange(8600), drawn.randrange(-40, 61)) for _ in range(3000)]
    dues = asked(calendar, pairs)
    assert [due for due, _ in dues] == [later(day, n, off) for day, n in pairs]
    for (day, _), (due, between) in zip(pairs, dues, strict=True):
        first, last = min(day, due), max(day, due)
        counted = sum(is_worked(first + DAY * i, off) for i in range(1, (last - first).days + 1))
        assert between == (counted if due >= day else -counted)


def test_outside_the_calendar_there_is_no_deadline(calendar: tuple[duckdb.DuckDBPyConnection, Path]) -> None:
    assert asked(calendar, [(date(2035, 12, 31), 1), (date(2036, 1, 1), 0)]) == [(None, None), (None, None)]
