"""The filters above a dashboard, as Superset keeps them.

A filter of values names a dataset and a column; without `charts` it holds for every chart of the page whose dataset has
that column. A filter of time (`kind: time`) holds for every chart whose dataset has a main time column.
"""

from typing import Any

Columns = dict[str, set[str]]


class FilterError(ValueError):
    """A filter asks for what the page does not have."""


def native_filter(one: dict[str, Any], numbers: dict[str, int], columns: Columns, dataset_uuid: str) -> dict[str, Any]:
    """One filter of a dashboard.

    one: `id`, `name`, and as wished `column`, `charts`, `default` (a value or a list), `first` (the first value there
    is), `multiple`, `required`, `after` (ids of the filters that narrow its values). numbers: chart -> its number in
    this bundle; columns: chart -> columns it can be filtered by (`TIME` among them where it has a main time column).
    Raises FilterError for charts that are not on the page.
    """
    charts = one.get("charts", [name for name in numbers if one.get("column", TIME) in columns[name]])
    if unknown := set(charts) - set(numbers):
        raise FilterError(f"the filter {one['name']} is for charts that are not shown: {sorted(unknown)}")
    common = {
        "id": one["id"],
        "name": one["name"],
        "type": "NATIVE_FILTER",
        "scope": {"rootPath": ["ROOT_ID"], "excluded": [n for name, n in numbers.items() if name not in charts]},
        "cascadeParentIds": one.get("after", []),
        "description": one.get("description", ""),
    }
    return {**common, **(_time(one) if one.get("kind") == "time" else _values(one, dataset_uuid))}


TIME = "__time"  # stands for the main time column, whatever it is called


def _time(one: dict[str, Any]) -> dict[str, Any]:
    chosen = one.get("default")
    return {
        "filterType": "filter_time",
        "targets": [{}],
        "controlValues": {"enableEmptyFilter": False},
        "defaultDataMask": {
            "extraFormData": {"time_range": chosen} if chosen else {},
            "filterState": {"value": chosen} if chosen else {},
        },
    }


def _values(one: dict[str, Any], dataset_uuid: str) -> dict[str, Any]:
    default = one.get("default", [])
    chosen = default if isinstance(default, list) else [default]
    first = one.get("first", False)
    mask: dict[str, Any] = {"extraFormData": {}, "filterState": {}}
    if chosen:
        mask = {
            "extraFormData": {"filters": [{"col": one["column"], "op": "IN", "val": chosen}]},
            "filterState": {"value": chosen, "label": ", ".join(map(str, chosen))},
        }
    return {
        "filterType": "filter_select",
        "targets": [{"column": {"name": one["column"]}, "datasetUuid": dataset_uuid}],
        "controlValues": {
            # a chart that adds up several diseases or units would tell nonsense: then one value must stay chosen
            "enableEmptyFilter": one.get("required", bool(first or chosen) and not one.get("multiple", False)),
            "multiSelect": one.get("multiple", False),
            "searchAllOptions": False,
            "inverseSelection": False,
            "defaultToFirstItem": first,
            "sortAscending": True,
        },
        "requiredFirst": first,  # applied by itself when the page opens, not only shown
        "defaultDataMask": mask,
    }
