"""What Superset imports is what the readable files say: filters, tabs, links, and the layout of a telephone."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from lake.settings import Settings
from superset_assets.bundle import ASSETS, CHANGE, LINES, AssetError, Assets, placeholders, read_assets, render
from superset_assets.layout import LayoutError, position
from superset_assets.native_filters import TIME, FilterError, native_filter
from superset_assets.server.phone_layout import stacked

NUMBERS = {"by_month": 1, "by_commune": 2, "source": 3}
COLUMNS = {"by_month": {"unit", TIME}, "by_commune": {"unit"}, "source": set[str]()}


def made(**one: Any) -> dict[str, Any]:
    return native_filter({"id": "NATIVE_FILTER-x", "name": "X", **one}, NUMBERS, COLUMNS, "uuid")


def test_a_filter_holds_for_every_chart_that_has_its_column() -> None:
    assert made(column="unit")["scope"]["excluded"] == [NUMBERS["source"]]
    assert made(column="unit", charts=["by_month"])["scope"]["excluded"] == [2, 3]
    with pytest.raises(FilterError, match="not_shown"):
        made(column="unit", charts=["not_shown"])


def test_a_filter_of_time_holds_for_every_chart_with_a_time_column() -> None:
    told = made(kind="time", default="Last year")
    assert told["filterType"] == "filter_time"
    assert told["scope"]["excluded"] == [2, 3]
    assert told["defaultDataMask"]["extraFormData"] == {"time_range": "Last year"}


def test_a_filter_may_have_no_default_one_or_several() -> None:
    nothing, several = made(column="unit"), made(column="unit", default=["a", "b"], multiple=True)
    assert nothing["defaultDataMask"] == {"extraFormData": {}, "filterState": {}}
    assert nothing["controlValues"]["enableEmptyFilter"] is False
    assert several["defaultDataMask"]["filterState"] == {"value": ["a", "b"], "label": "a, b"}
    assert several["controlValues"]["multiSelect"] is True
    assert made(column="unit", default="a")["controlValues"]["enableEmptyFilter"] is True, "one stays chosen"


PART = {"uuid": "u", "slice_name": "Biểu đồ"}


def test_rows_stand_before_tabs_and_a_row_too_wide_is_refused() -> None:
    dashboard = {
        "dashboard_title": "X",
        "rows": [[{"markdown": "đầu trang", "width": 12, "height": 5}]],
        "tabs": [
            {"title": "Một", "rows": [[{"chart": "by_month", "width": 12, "height": 5}]]},
            {"title": "Hai", "rows": [[{"chart": "by_commune", "width": 12, "height": 5}]]},
        ],
    }
    nodes = position(dashboard, dict.fromkeys(NUMBERS, PART), NUMBERS)
    assert nodes["GRID_ID"]["children"] == ["ROW-1", "TABS-1"]
    assert nodes["TABS-1"]["children"] == ["TAB-1", "TAB-2"]
    assert nodes["CHART-by_commune"]["parents"] == ["ROOT_ID", "GRID_ID", "TABS-1", "TAB-2", "ROW-2-1"]
    dashboard["tabs"][1]["rows"][0].append({"chart": "source", "width": 1, "height": 5})
    with pytest.raises(LayoutError, match="Hai"):
        position(dashboard, dict.fromkeys(NUMBERS, PART), NUMBERS)


def test_on_a_telephone_every_part_has_a_row_of_its_own_in_the_order_of_reading() -> None:
    rows = [
        [{"chart": "by_month", "width": 6, "height": 30}, {"chart": "by_commune", "width": 6, "height": 95}],
        [{"chart": "source", "width": 12, "height": 20}],
    ]
    nodes = stacked(position({"dashboard_title": "X", "rows": rows}, dict.fromkeys(NUMBERS, PART), NUMBERS))
    read = [nodes[row]["children"] for row in nodes["GRID_ID"]["children"]]
    assert read == [["CHART-by_month"], ["CHART-by_commune"], ["CHART-source"]]
    charts = [node for node in nodes.values() if isinstance(node, dict) and node["type"] == "CHART"]
    assert {node["meta"]["width"] for node in charts} == {12}
    assert all(node["parents"][-1] in nodes for node in charts)
    assert nodes["CHART-by_month"]["meta"]["height"] > 30, "text needs more lines"
    assert nodes["CHART-by_commune"]["meta"]["height"] == 95, "what is tall enough stays"


def test_a_time_filter_finds_a_condition_to_replace_in_every_chart_it_may_reach(
    settings: Settings, assets: Assets
) -> None:
    files = render(settings, assets)
    for name, chart in assets.charts.items():
        dataset = assets.datasets[chart["dataset"]]
        told = files[f"charts/{name}.yaml"]["params"].get("adhoc_filters", [])
        ranges = [one["subject"] for one in told if one.get("operator") == "TEMPORAL_RANGE"]
        assert ranges == ([dataset["main_dttm_col"]] if dataset.get("main_dttm_col") else []), name


def test_two_files_of_one_name_in_two_themes_are_refused(settings: Settings, tmp_path: Path) -> None:
    for theme in ("health", "security"):
        (tmp_path / "charts" / theme).mkdir(parents=True)
        (tmp_path / "charts" / theme / "cases.yaml").write_text("slice_name: Ca", encoding="utf-8")
    with pytest.raises(AssetError, match=r"cases\.yaml"):
        read_assets(placeholders(settings), tmp_path)


def test_the_official_colours_of_the_air_index_are_those_of_the_table(assets: Assets) -> None:
    table = (ASSETS.parent / "dbt_project" / "seeds" / "aqi_levels.csv").read_text(encoding="utf-8")
    levels = {int(row.split(",")[1]): row.split(",")[5] for row in table.splitlines()[1:]}
    for name in ("air_today", "air_calendar"):
        shown = assets.charts[name]["params"]["conditional_formatting"]
        assert {one["targetValueLeft"]: one["colorScheme"] for one in shown} == levels


def test_the_names_of_all_columns_that_a_chart_shows_are_sent(settings: Settings, assets: Assets) -> None:
    """Without them a reader sees the name of the column in place of its title."""
    sent = ("all_columns", "all_columns_x", "columns", "groupby")  # where the server looks
    pivots = 0
    for path, chart in render(settings, assets).items():
        params = chart.get("params") or {}
        if path.startswith("charts/") and "groupbyRows" in params:
            named = {column for key in sent for column in params.get(key, [])}
            assert {*params["groupbyRows"], *params["groupbyColumns"]} <= named, path
            pivots += 1
    assert pivots


def test_a_long_name_stands_in_lines_and_none_is_cut(assets: Assets) -> None:
    query = LINES.format("'Giải ngân chậm, hiện trường không có vướng mắc'")
    found = duckdb.sql(f"select {query}").fetchone()
    assert found == ("Giải ngân chậm,\nhiện trường không\ncó vướng mắc",)
    assert LINES.format("class_vi") in assets.datasets["combined_late_capacity"]["sql"]


def test_a_change_is_told_in_its_own_unit() -> None:
    moved = [(1.26, "%"), (-0.04, "%"), (20.0, "đơn"), (-0.25, "điểm"), (12345.6, "triệu đồng"), (None, "%")]
    query = CHANGE.format("moved", "unit")
    told = [
        duckdb.execute(f"select {query} from (select cast(? as double) as moved, ? as unit)", one).fetchone()
        for one in moved
    ]
    assert [one[0] for one in told if one] == ["+1,3 điểm %", "0,0 điểm %", "+20", "-0,3", "+12.346", "–"]


def test_a_narrow_part_is_no_higher_on_a_telephone() -> None:
    nodes = {
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": ["ROW-1"], "parents": ["ROOT_ID"]},
        "ROW-1": {"type": "ROW", "id": "ROW-1", "children": ["a", "b"], "parents": ["ROOT_ID", "GRID_ID"], "meta": {}},
        "a": {"type": "CHART", "id": "a", "children": [], "parents": [], "meta": {"width": 4, "height": 33}},
        "b": {"type": "CHART", "id": "b", "children": [], "parents": [], "meta": {"width": 8, "height": 33}},
    }
    told = stacked(nodes)
    assert told["a"]["meta"] == {"width": 12, "height": 33}
    assert told["b"]["meta"]["width"] == 12 and told["b"]["meta"]["height"] > 33


def test_bars_of_one_or_two_do_not_stand_above_an_axis_that_repeats_its_numbers(assets: Assets) -> None:
    bars = {name: one["params"] for name, one in assets.charts.items() if one["viz_type"] == "echarts_timeseries_bar"}
    assert bars
    rounding = {name for name, params in bars.items() if params["y_axis_format"] in (",d", ",.0f", ".0f")}
    assert rounding == {"capacity_parts"}, "points of a hundred"
