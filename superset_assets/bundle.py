"""The dashboards as code: readable YAML here, the files that Superset imports there.

databases/ datasets/ charts/ dashboards/ hold one object a file, named by its file name and known by its uuid; a theme
may have a folder of its own. Filled in when the bundle is rendered: `${province}`, `${target.<indicator>}` and
`${attention.<indicator>}` (in running text `${target_vi.…}`), `${page.<dashboard>}` (its address), `${lines(…)}`
(a text in short lines), `${change(…, unit)}` (a change in its unit) and `${link.…}` (links.py). `template` takes what
files of a kind share from templates/ beside them; there `${fill.…}` stands for what each says in its `fill`.
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
from superset_assets.layout import LayoutError, position, shown_charts
from superset_assets.links import link_sql
from superset_assets.native_filters import TIME, FilterError, native_filter
from superset_assets.server.hardening import CONFIG

ASSETS = Path(__file__).parent
REGISTRY = ASSETS.parent / "dbt_project" / "seeds" / "indicators.csv"
TARGETS = REGISTRY.with_name("targets.csv")
VERSION = "1.0.0"
TOP = "kho_tinh"
PRODUCT = "figures"
# What keeps a reader inside the file: no writing, no file or network function, no extension, no way back.
# In the order of the alphabet, as the server keeps them; an empty value has no place in an address.
HARDENING = tuple(f"{name}={value}" for name, value in sorted(CONFIG.items()) if value)
TEMPLATES = "templates"
# a text in lines of some fourteen signs: long names beside bars would leave a phone no room for the bars
LINES = r"regexp_replace({}, '(.{{14,}}?) ', '\1' || chr(10), 'g')"
# how far a figure moved, in its own unit: what is measured in percent moves by percentage points
CHANGE = (
    "coalesce(case when round({0}, 1) > 0 then '+' else '' end || translate(format(case when abs({0}) >= 1000 "
    "or ({1} <> '%' and {0} = round({0})) then '{{:,.0f}}' else '{{:,.1f}}' end, round({0}, 1) + 0.0), ',.', '.,') "
    "|| case when {1} = '%' then ' điểm %' else '' end, '–')"
)
READING = ASSETS / "reading.css"  # what every dashboard shares


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
    pages = {path.stem: path for path in sorted((folder / "dashboards").glob("*.yaml"))}
    values = {**values, **{f"page.{name}": f"/superset/dashboard/{_slug(path)}/" for name, path in pages.items()}}
    kinds = {kind: _read_all(folder / kind, values) for kind in ("databases", "datasets", "charts", "dashboards")}
    for kind in ("datasets", "charts"):
        for name, one in kinds[kind].items():
            if "template" in one:
                kinds[kind][name] = _made_of_template(folder / kind, name, one, values)
    return Assets(**kinds)


def _made_of_template(folder: Path, name: str, one: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """What a file says and its template adds, which may ask for what the file's `fill` holds. Raises AssetError."""
    said = {key: value for key, value in one.items() if key not in ("template", "fill")}
    path = folder / TEMPLATES / f"{one['template']}.yaml"
    if not path.exists():
        raise AssetError(f"{folder.name}/{name}.yaml: no template {one['template']!r}")
    base = _read(path, {**values, **{f"fill.{key}": text for key, text in one.get("fill", {}).items()}})
    params = {**base.get("params", {}), **said.get("params", {})}
    return {**base, **said, **({"params": params} if params else {})}


def _read_all(folder: Path, values: dict[str, str]) -> dict[str, dict[str, Any]]:
    """File name -> object, of all files below a folder: a theme may have a folder of its own. Raises AssetError."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*.yaml")):
        if TEMPLATES in path.relative_to(folder).parts:
            continue
        if path.stem in found:
            raise AssetError(f"{path.name} is there twice below {folder.name}/")
        found[path.stem] = _read(path, values)
    return found


def _slug(dashboard: Path) -> str:
    """The last part of a dashboard's address; links need it before the placeholders can be filled in."""
    found = re.search(r"^slug: *([a-z0-9-]+)$", dashboard.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise AssetError(f"{dashboard.name} has no slug of small letters, digits and hyphens")
    return found[1]


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
        if broken := re.fullmatch(r"lines\((.*)\)", match[1], re.DOTALL):
            return LINES.format(broken[1])
        if moved := re.fullmatch(r"change\((.*), (.*)\)", match[1], re.DOTALL):
            return CHANGE.format(moved[1], moved[2])
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


def database_uri(settings: Settings, file: str, product: str = PRODUCT) -> str:
    """The address of a published file, hardened; it goes through the pointer and so follows every switch."""
    path = settings.published / product / "current" / file
    return f"duckdb:///{path}?{'&'.join(HARDENING)}"


def render(settings: Settings, assets: Assets) -> dict[str, dict[str, Any]]:
    """Path in the bundle -> object as Superset imports it. Raises AssetError for a reference that leads nowhere."""
    files: dict[str, dict[str, Any]] = {"metadata.yaml": {"version": VERSION, "type": "assets", "timestamp": TIMESTAMP}}
    for name, database in assets.databases.items():
        known = {key: value for key, value in database.items() if key not in ("file", "product")}
        uri = database_uri(settings, database["file"], database.get("product", PRODUCT))
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
        "params": {"viz_type": chart["viz_type"], **_open_to_time(chart["params"], dataset), **_named_columns(chart)},
        "query_context": None,
        "cache_timeout": None,
        "uuid": chart["uuid"],
        "version": VERSION,
        "dataset_uuid": dataset["uuid"],
    }


def _named_columns(chart: dict[str, Any]) -> dict[str, list[str]]:
    """The columns of a pivot said once more where the server looks for those whose names it sends with the page."""
    params = chart["params"]
    shown = [*params.get("groupbyRows", []), *params.get("groupbyColumns", [])]
    return {"all_columns_x": shown} if shown else {}


def _open_to_time(params: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """The chart's parameters with the condition that a filter of time replaces, if its dataset has a time column."""
    column = dataset.get("main_dttm_col")
    conditions = params.get("adhoc_filters", [])
    if not column or any(one.get("operator") == "TEMPORAL_RANGE" for one in conditions):
        return params
    whenever = {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": "TEMPORAL_RANGE",
        "comparator": "No filter",
    }
    return {**params, "adhoc_filters": [*conditions, whenever]}


def _dashboard(name: str, dashboard: dict[str, Any], assets: Assets) -> dict[str, Any]:
    where = f"dashboards/{name}.yaml"
    shown = shown_charts(dashboard)
    columns = {chart: _filterable(_named("chart", assets.charts, chart, where), assets) for chart in shown}
    numbers = {chart: number for number, chart in enumerate(shown, start=1)}  # the import replaces them
    try:
        filters = [
            native_filter(one, numbers, columns, _filter_dataset(one, assets, where))
            for one in dashboard.get("filters", [])
        ]
        nodes = position(dashboard, assets.charts, numbers)
    except (FilterError, LayoutError) as problem:
        raise AssetError(f"{where}: {problem}") from problem
    return {
        "dashboard_title": dashboard["dashboard_title"],
        "description": None,
        "css": READING.read_text(encoding="utf-8") + dashboard.get("css", ""),
        "slug": dashboard["slug"],
        "certified_by": None,
        "certification_details": None,
        "published": dashboard["published"],
        "uuid": dashboard["uuid"],
        "position": nodes,
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


def _filter_dataset(one: dict[str, Any], assets: Assets, where: str) -> str:
    """The uuid of the dataset that a filter takes its values from; a filter of time has none."""
    return "" if one.get("kind") == "time" else str(_named("dataset", assets.datasets, one["dataset"], where)["uuid"])


def _filterable(chart: dict[str, Any], assets: Assets) -> set[str]:
    """What a chart can be filtered by: the columns of its dataset, and time if it has a main time column."""
    dataset = assets.datasets[chart["dataset"]]
    columns = {str(column["column_name"]) for column in dataset["columns"]}
    return columns | {TIME} if dataset.get("main_dttm_col") else columns
