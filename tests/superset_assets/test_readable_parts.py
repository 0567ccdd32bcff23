"""The layout that a person gets who may not read all of a page."""

from superset_assets.bundle import Assets
from superset_assets.layout import position
from superset_assets.server.readable_parts import ELSEWHERE, without


def test_rows_close_up_and_the_page_says_what_is_missing(assets: Assets) -> None:
    page = assets.dashboards["economy"]
    names = [part["chart"] for row in page["rows"] for part in row if "chart" in part]
    numbers = {name: number for number, name in enumerate(names, start=1)}
    whole = position(page, assets.charts, numbers)
    # of revenue_path and revenue_kinds nothing is left, beside insurance_lines stood poverty_table
    hidden = {numbers[name] for name in ("revenue_path", "revenue_kinds", "poverty_table")}
    left = without(whole, hidden)
    assert {
        node["meta"]["chartId"] for node in left.values() if isinstance(node, dict) and node["type"] == "CHART"
    } == (set(numbers.values()) - hidden)
    assert left["CHART-insurance_lines"]["meta"]["width"] == 12
    assert left["CHART-revenue_share"]["meta"] == whole["CHART-revenue_share"]["meta"]
    rows = [left[name] for name in left["GRID_ID"]["children"]]
    assert all(row["children"] for row in rows) and len(rows) == len(page["rows"]) - 1 + 1
    assert left[rows[1]["children"][0]]["meta"]["code"] == ELSEWHERE
    every = {child for node in left.values() if isinstance(node, dict) for child in node.get("children", [])}
    assert every == {key for key, node in left.items() if isinstance(node, dict)} - {"ROOT_ID", "HEADER_ID"}


def test_who_may_read_all_gets_the_page_as_it_is(assets: Assets) -> None:
    page = assets.dashboards["combined"]
    numbers = {part["chart"]: 1 for row in page["rows"] for part in row if "chart" in part}
    whole = position(page, assets.charts, numbers)
    assert without(whole, {2}) is whole
