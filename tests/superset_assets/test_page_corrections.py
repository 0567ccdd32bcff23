"""Each correction of the server's scripts still finds what it corrects in the installed version."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from superset_assets.screenshot import FLAGS, browser_path
from superset_assets.server.page_corrections import CORRECTIONS

SCRIPTS = Path(__file__).parents[2] / "superset_assets" / "server" / ".venv" / "lib"


@pytest.fixture(scope="module")
def scripts() -> list[bytes]:
    found = [path.read_bytes() for path in SCRIPTS.glob("python*/site-packages/superset/static/assets/*.js")]
    assert found, "the environment of Superset is not installed: make superset"
    return found


@pytest.mark.parametrize("wrong", [wrong for wrong, _ in CORRECTIONS])
def test_what_is_corrected_is_there(wrong: bytes, scripts: list[bytes]) -> None:
    assert any(wrong in script for script in scripts)


# a big number as the server's script has it: its newest known figure, and what is said of the change since
BIG_NUMBER = """
([points, lag, format, suffix]) => {
  const P = {gV: kind => value => `${kind} ${value.toFixed(3)}`}, t_ = {A: {PERCENT_SIGNED_1_POINT: "share"}};
  FORMATS
  let em = points, er = lag, N = format, A = suffix, ec = 0, ea = "", ed = null, eu = null;
  if(em.length>0){if(ed=NEWEST em[0][0],true){}}
  eu = em.find(e => e[1] !== null)[1];
  CHANGE
  return [ed, ea];
}
"""


def _corrected(beginning: bytes) -> str:
    (found,) = [right for _, right in CORRECTIONS if right.startswith(beginning)]
    return found.decode()


@pytest.mark.e2e
def test_a_big_number_is_compared_with_the_same_month_in_its_own_unit() -> None:
    newest = _corrected(b"em.length>0){if(ed=").removeprefix("em.length>0){if(ed=").removesuffix(",")
    script = BIG_NUMBER.replace("FORMATS", _corrected(b"let iN=")).replace("CHANGE", _corrected(b"if(er>0"))
    script = script.replace("NEWEST em[0][0]", newest)

    def month(year: int, number: int) -> float:
        return datetime(year, number, 1, tzinfo=UTC).timestamp() * 1000

    this, before, year_before = month(2026, 10), month(2026, 9), month(2025, 10)
    cases: list[tuple[list[Any], list[Any]]] = [
        # a share moves by percentage points, a score by points, an amount in percent
        (
            [[[this, 0.036], [year_before, 0.03]], 12, ".1%", "so với cùng kỳ"],
            [this, "+,.1f 0.600 điểm % so với cùng kỳ"],
        ),
        (
            [[[this, 81.6], [before, 81.7]], 1, ",.1f", "điểm so với tháng trước"],
            [this, "+,.1f -0.100 điểm so với tháng trước"],
        ),
        ([[[this, 90], [before, 120]], 1, ",d", "so với tháng trước"], [this, "share -0.250 so với tháng trước"]),
        # the newest month is not known: the one before is told, by its own name and against its own past
        ([[[this, None], [before, 90], [month(2026, 8), 120]], 1, ",d", "so"], [before, "share -0.250 so"]),
        # the month to compare with is missing, or nothing
        ([[[this, 90], [month(2026, 8), 120]], 1, ",d", "so"], [this, ""]),
        ([[[this, 90], [before, 0]], 1, ",d", "so"], [this, ""]),
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(browser_path()), args=list(FLAGS))
        page = browser.new_page()
        told = [page.evaluate(script, asked) for asked, _ in cases]
        browser.close()
    assert told == [expected for _, expected in cases]
