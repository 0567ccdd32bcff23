"""A change pulled from the server changes its own words in the file and no others."""

import difflib
from typing import Any

import pytest
import yaml

from superset_assets.bundle import ASSETS
from superset_assets.pull import masked, replaced

CHART = ASSETS / "charts" / "on_time_ranking.yaml"


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["slice_name"], "Xếp hạng: đúng hạn"),
        (["description"], "Cách đọc mới.\nDòng thứ hai."),
        (["params", "row_limit"], 7),
        (["params", "server_pagination"], True),
        (["params", "column_config"], {"rank": {"d3NumberFormat": ",d"}}),
        (["params", "a_new_one"], [1, "hai"]),
    ],
)
def test_one_value_is_set_and_the_rest_stays(keys: list[str], value: Any) -> None:
    before = CHART.read_text(encoding="utf-8")
    after = replaced(before, keys, value)
    assert after is not None
    wanted = yaml.safe_load(masked(before))
    inner = wanted
    for key in keys[:-1]:
        inner = inner[key]
    old = inner.get(keys[-1])
    inner[keys[-1]] = value
    read = yaml.safe_load(masked(after))
    if isinstance(value, str):
        read[keys[0]], wanted[keys[0]] = read[keys[0]].strip(), value
    assert read == wanted
    gone = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")]
    assert len(gone) <= len(yaml.safe_dump(old).splitlines()) + 3
    assert [line for line in before.splitlines() if line.startswith("#")] == [
        line for line in after.splitlines() if line.startswith("#")
    ]


def test_what_holds_a_placeholder_is_left_to_a_person() -> None:
    assert replaced("sql: select '${province}'\n", ["sql"], "select '68'") is None
