"""Where the parts of a dashboard stand, as Superset keeps it: rows of parts, then tabs of rows where there are any."""

from typing import Any

GRID_COLUMNS = 12
GRID = ("ROOT_ID", "GRID_ID")


class LayoutError(ValueError):
    """The rows of a dashboard cannot stand like this."""


def all_rows(dashboard: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The rows of the page, those in tabs included."""
    return [*dashboard.get("rows", []), *(row for tab in dashboard.get("tabs", []) for row in tab["rows"])]


def shown_charts(dashboard: dict[str, Any]) -> list[str]:
    """The names of the charts of the page in the order of reading."""
    return [part["chart"] for row in all_rows(dashboard) for part in row if "chart" in part]


def position(dashboard: dict[str, Any], charts: dict[str, dict[str, Any]], numbers: dict[str, int]) -> dict[str, Any]:
    """Node id -> node. numbers: chart -> its number in this bundle. Raises LayoutError for a row that is too wide."""
    nodes: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "parents": ["ROOT_ID"], "children": []},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard["dashboard_title"]}},
    }
    for index, row in enumerate(dashboard.get("rows", []), start=1):
        _add_row(nodes, f"{index}", row, GRID, charts, numbers)
    if tabs := dashboard.get("tabs"):
        _add_node(nodes, "TABS", "TABS-1", GRID, {})
        for index, tab in enumerate(tabs, start=1):
            inside = (*GRID, "TABS-1")
            _add_node(nodes, "TAB", f"TAB-{index}", inside, {"text": tab["title"]})
            for place, row in enumerate(tab["rows"], start=1):
                _add_row(nodes, f"{index}-{place}", row, (*inside, f"TAB-{index}"), charts, numbers, tab["title"])
    return nodes


def _add_row(
    nodes: dict[str, Any],
    index: str,
    row: list[dict[str, Any]],
    parents: tuple[str, ...],
    charts: dict[str, dict[str, Any]],
    numbers: dict[str, int],
    tab: str = "",
) -> None:
    if sum(part["width"] for part in row) > GRID_COLUMNS:
        raise LayoutError(f"row {index}{tab and f' of «{tab}»'} is wider than {GRID_COLUMNS} columns")
    _add_node(nodes, "ROW", f"ROW-{index}", parents, {"background": "BACKGROUND_TRANSPARENT"})
    for place, part in enumerate(row, start=1):
        meta = {"width": part["width"], "height": part["height"]}
        inside = (*parents, f"ROW-{index}")
        if "markdown" in part:
            _add_node(nodes, "MARKDOWN", f"MARKDOWN-{index}-{place}", inside, {**meta, "code": part["markdown"]})
        else:
            name = part["chart"]
            known = {"chartId": numbers[name], "uuid": charts[name]["uuid"], "sliceName": charts[name]["slice_name"]}
            _add_node(nodes, "CHART", f"CHART-{name}", inside, {**meta, **known})


def _add_node(nodes: dict[str, Any], kind: str, name: str, parents: tuple[str, ...], meta: dict[str, Any]) -> None:
    nodes[name] = {"type": kind, "id": name, "children": [], "parents": list(parents), "meta": meta}
    nodes[parents[-1]]["children"].append(name)
