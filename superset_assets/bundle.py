"""The dashboards as code: readable YAML here, the files that Superset imports there.

databases/ datasets/ charts/ dashboards/ hold one object a file, named by its file name and known by its uuid.
`${province}`, `${target.<indicator>}` and `${attention.<indicator>}` (in running text `${target_vi.…}`) are filled in
when the bundle is rendered.
"""

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lake.settings import Settings
from superset_assets.links import link_sql

ASSETS = Path(__file__).parent
REGISTRY = ASSETS.parent / "dbt_project" / "seeds" / "indicators.csv"
TARGETS = REGISTRY.with_name("targets.csv")
VERSION = "1.0.0"
TOP = "kho_tinh"
PRODUCT = "figures"
# What keeps a reader inside the file: no writing, no file or network function, no extension, no way back.
HARDENING = (
    "access_mode=read_only",
    "autoinstall_known_extensions=false",
    "autoload_known_extensions=false",
    "enable_external_access=false",
    "lock_configuration=true",
    "memory_limit=1GB",
)  # in the order of the alphabet, as the server keeps them
GRID_COLUMNS = 12


class AssetError(ValueError):
    """A file of the dashboards is wrong; the message names file and fault."""


@dataclass(frozen=True)
class Assets:
    """The objects of the dashboards as read, by kind and file name."""

    databases: dict[str, dict[str, Any]]
    datasets: dict[str, dict[str, Any]]
    charts: dict[str, dict[str, Any]]
    dashboards: dict[str, dict[str, Any]]


def read_assets(values: dict[str, str], folder: Path = ASSETS) -> Assets:
    """Read all files with the placeholders filled in. Raises AssetError."""
    templates = {path.stem: _read(path, values) for path in sorted((folder / "charts" / "templates").glob("*.yaml"))}
    kinds = {
        kind: {path.stem: _read(path, values) for path in sorted((folder / kind).glob("*.yaml"))}
        for kind in ("databases", "datasets", "charts", "dashboards")
    }
    for name, chart in kinds["charts"].items():
        if template := chart.pop("template", None):
            if template not in templates:
                raise AssetError(f"charts/{name}.yaml: no template {template!r}")
            base = templates[template]
            kinds["charts"][name] = {**base, **chart, "params": {**base.get("params", {}), **chart.get("params", {})}}
    return Assets(**kinds)


def placeholders(settings: Settings) -> dict[str, str]:
    """What the files may name: the province, and the levels of indicators that hold for all units."""
    values = {"province": settings.province}
    with TARGETS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["unit_kind"]:
                continue
            for name in ("target", "attention"):
                values[f"{name}.{row['indicator_code']}"] = row[name]
                values[f"{name}_vi.{row['indicator_code']}"] = row[name].replace(".", ",")
    return values


def _read(path: Path, values: dict[str, str]) -> dict[str, Any]:
    def fill(match: re.Match[str]) -> str:
        try:
            if (link := link_sql(match[1])) is not None:
                return link
        except KeyError as problem:
            raise AssetError(f"{path.name}: no such link: {problem}") from problem
        if match[1] not in values:
            raise AssetError(f"{path.name}: nothing is known of {match[0]}")
        return values[match[1]]

    try:
        read = yaml.safe_load(re.sub(r"\$\{([^}]+)\}", fill, path.read_text(encoding="utf-8")))
    except yaml.YAMLError as problem:
        raise AssetError(f"{path.name} is no YAML: {problem}") from problem
    if not isinstance(read, dict):
        raise AssetError(f"{path.name} holds no mapping")
    return read


def database_uri(settings: Settings, file: str) -> str:
    """The address of a published file, hardened; it goes through the pointer and so follows every switch."""
    path = settings.published / PRODUCT / "current" / file
    return f"duckdb:///{path}?{'&'.join(HARDENING)}"


def render(settings: Settings, assets: Assets) -> dict[str, dict[str, Any]]:
    """Path in the bundle -> object as Superset imports it. Raises AssetError for a reference that leads nowhere."""
    files: dict[str, dict[str, Any]] = {"metadata.yaml": {"version": VERSION, "type": "assets", "timestamp": TIMESTAMP}}
    for name, database in assets.databases.items():
        known = {key: value for key, value in database.items() if key != "file"}
        uri = database_uri(settings, database["file"])
        files[f"databases/{name}.yaml"] = {**known, "sqlalchemy_uri": uri, "version": VERSION}
    for name, dataset in assets.datasets.items():
        files[f"datasets/{dataset['database']}/{name}.yaml"] = _dataset(name, dataset, assets)
    for name, chart in assets.charts.items():
        files[f"charts/{name}.yaml"] = _chart(name, chart, assets)
    for name, dashboard in assets.dashboards.items():
        files[f"dashboards/{name}.yaml"] = _dashboard(name, dashboard, assets)
    return files


TIMESTAMP = "2026-01-01T00:00:00+00:00"  # the same bundle for the same files


def zipped(files: dict[str, dict[str, Any]]) -> bytes:
    """The bundle as the archive that Superset's import takes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
            archive.writestr(f"{TOP}/{path}", text)
    return packed.getvalue()


def _named(kind: str, known: dict[str, dict[str, Any]], name: str, where: str) -> dict[str, Any]:
    if name not in known:
        raise AssetError(f"{where}: there is no {kind} {name!r}")
    return known[name]


def _dataset(name: str, dataset: dict[str, Any], assets: Assets) -> dict[str, Any]:
    database = _named("database", assets.databases, dataset["database"], f"datasets/{name}.yaml")
    columns = [
        {"is_active": True, "groupby": True, "filterable": True, "is_dttm": False, **column}
        for column in dataset["columns"]
    ]
    metrics = [
        {"metric_type": None, **{key: value for key, value in metric.items() if key != "indicator"}}
        for metric in dataset.get("metrics", [])
    ]
    return {
        "table_name": dataset["table_name"],
        "main_dttm_col": dataset.get("main_dttm_col"),
        "description": dataset.get("description"),
        "offset": 0,
        "cache_timeout": None,
        "schema": None,
        "catalog": None,
        "sql": dataset["sql"],
        "params": None,
        "template_params": None,
        "filter_select_enabled": True,
        "fetch_values_predicate": None,
        "extra": None,
        "normalize_columns": False,
        "always_filter_main_dttm": False,
        "uuid": dataset["uuid"],
        "metrics": metrics,
        "columns": columns,
        "version": VERSION,
        "database_uuid": database["uuid"],
    }


def _chart(name: str, chart: dict[str, Any], assets: Assets) -> dict[str, Any]:
    dataset = _named("dataset", assets.datasets, chart["dataset"], f"charts/{name}.yaml")
    return {
        "slice_name": chart["slice_name"],
        "description": chart["description"].strip(),
        "certified_by": None,
        "certification_details": None,
        "viz_type": chart["viz_type"],
        "params": {"viz_type": chart["viz_type"], **chart["params"]},
        "query_context": None,
        "cache_timeout": None,
        "uuid": chart["uuid"],
        "version": VERSION,
        "dataset_uuid": dataset["uuid"],
    }


def _dashboard(name: str, dashboard: dict[str, Any], assets: Assets) -> dict[str, Any]:
    where = f"dashboards/{name}.yaml"
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "parents": ["ROOT_ID"], "children": []},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard["dashboard_title"]}},
    }
    numbers: dict[str, int] = {}  # charts' numbers in this bundle; the import replaces them
    for index, row in enumerate(dashboard["rows"], start=1):
        row_id = f"ROW-{index}"
        if sum(part["width"] for part in row) > GRID_COLUMNS:
            raise AssetError(f"{where}: row {index} is wider than {GRID_COLUMNS} columns")
        position["GRID_ID"]["children"].append(row_id)
        children = []
        for place, part in enumerate(row, start=1):
            size = {"width": part["width"], "height": part["height"]}
            parents = ["ROOT_ID", "GRID_ID", row_id]
            if "markdown" in part:
                node_id = f"MARKDOWN-{index}-{place}"
                meta: dict[str, Any] = {**size, "code": part["markdown"]}
                kind = "MARKDOWN"
            else:
                chart = _named("chart", assets.charts, part["chart"], where)
                number = numbers[part["chart"]] = len(numbers) + 1
                node_id, kind = f"CHART-{part['chart']}", "CHART"
                meta = {**size, "chartId": number, "uuid": chart["uuid"], "sliceName": chart["slice_name"]}
            position[node_id] = {"type": kind, "id": node_id, "children": [], "parents": parents, "meta": meta}
            children.append(node_id)
        position[row_id] = {
            "type": "ROW",
            "id": row_id,
            "parents": ["ROOT_ID", "GRID_ID"],
            "children": children,
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
    filters = [_native_filter(one, numbers, assets, where) for one in dashboard.get("filters", [])]
    return {
        "dashboard_title": dashboard["dashboard_title"],
        "description": None,
        "css": dashboard.get("css", ""),
        "slug": dashboard["slug"],
        "certified_by": None,
        "certification_details": None,
        "published": dashboard["published"],
        "uuid": dashboard["uuid"],
        "position": position,
        "metadata": {
            "native_filter_configuration": filters,
            "filter_bar_orientation": "HORIZONTAL",
            "chart_configuration": {},
            "global_chart_configuration": {"scope": {"rootPath": ["ROOT_ID"], "excluded": []}, "chartsInScope": []},
            "cross_filters_enabled": False,
            "color_scheme": "",
            "label_colors": dashboard.get("colours", {}),
            "shared_label_colors": [],
            "refresh_frequency": 0,
            # how to read a chart stands below its title
            "expanded_slices": {str(number): True for number in numbers.values()},
        },
        "version": VERSION,
    }


def _native_filter(one: dict[str, Any], numbers: dict[str, int], assets: Assets, where: str) -> dict[str, Any]:
    dataset = _named("dataset", assets.datasets, one["dataset"], where)
    charts = one.get("charts", [name for name in numbers if one["column"] in _columns(name, assets)])
    outside = [number for name, number in numbers.items() if name not in charts]
    if unknown := set(charts) - set(numbers):
        raise AssetError(f"{where}: the filter {one['name']} is for charts that are not shown: {sorted(unknown)}")
    first = one.get("first", False)  # the first value there is; a commune sees its own
    mask: dict[str, Any] = {"extraFormData": {}, "filterState": {}}
    if "default" in one:
        chosen = [one["default"]]
        mask = {
            "extraFormData": {"filters": [{"col": one["column"], "op": "IN", "val": chosen}]},
            "filterState": {"value": chosen, "label": one["default"]},
        }
    return {
        "id": one["id"],
        "name": one["name"],
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "targets": [{"column": {"name": one["column"]}, "datasetUuid": dataset["uuid"]}],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": outside},
        "controlValues": {
            "enableEmptyFilter": first or "default" in one,
            "multiSelect": False,
            "searchAllOptions": False,
            "inverseSelection": False,
            "defaultToFirstItem": first,
        },
        "defaultDataMask": mask,
        "cascadeParentIds": [],
        "description": "",
    }


def _columns(chart: str, assets: Assets) -> set[str]:
    return {column["column_name"] for column in assets.datasets[assets.charts[chart]["dataset"]]["columns"]}
