"""Names and idleness of accounts, and when a session is over, without a server."""

from datetime import datetime, timedelta

import pytest

from superset_assets.server.account_rules import IDLE_DAYS, NotLetInError, directory_name, idle
from superset_assets.server.session_limit import outlived

NOW = datetime(2026, 11, 23, 8, 0)
LONG_AGO = NOW - timedelta(days=IDLE_DAYS, seconds=1)


@pytest.mark.parametrize(
    "name",
    [
        *("admin", "Admin", "ADMIN", " admin", "admin ", "admin\n", "ad min", "\tadmin", "admin\u200b", "admin\x00"),
        *("ａｄｍｉｎ", "аdmin", "admın", "ADMİN", "ádmin"),  # wide, Cyrillic, dotless, dotted, accented
        *("may-sang", "May-Sang", "MAY-", "may-sang "),
        *("x' or '1'='1", "", None, "a", "a/b", "\u212aho"),
    ],
)
def test_no_word_of_a_directory_becomes_an_account_of_the_machine(name: str | None) -> None:
    with pytest.raises(NotLetInError):
        directory_name(name)


def test_a_name_of_the_directory_is_an_account_in_small_letters() -> None:
    assert directory_name("Chu-Tich.01") == "chu-tich.01"


@pytest.mark.parametrize(
    ("username", "seen", "closed"),
    [
        ("chu-tich", (LONG_AGO, LONG_AGO, None), True),
        ("chu-tich", (None, LONG_AGO, None), True),
        ("chu-tich", (LONG_AGO, LONG_AGO, NOW), False),  # opened again by hand
        ("chu-tich", (LONG_AGO + timedelta(seconds=1), LONG_AGO, LONG_AGO), False),
        ("chu-tich", (None, None, None), False),
        ("admin", (LONG_AGO, LONG_AGO, LONG_AGO), False),
        ("may-sang", (None, LONG_AGO, LONG_AGO), False),
    ],
)
def test_an_account_that_nobody_uses_is_closed(username: str, seen: tuple[datetime | None, ...], closed: bool) -> None:
    assert idle(username, seen, NOW) == closed


@pytest.mark.parametrize(
    ("since", "over"), [(1000.0, False), (1000, False), (None, True), ("1000", True), (-2600.0, True), (1001.0, True)]
)
def test_a_session_is_over_after_its_time_and_without_a_mark(since: object, over: bool) -> None:
    assert outlived(since, 1000.0, timedelta(hours=1)) == over
