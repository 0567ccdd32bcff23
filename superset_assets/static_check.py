"""Do the dashboards fit together? Dashboard -> chart -> dataset -> column of a mart, without Superset.

The columns of the marts are those that dbt promises in its contracts; each dataset's SQL is bound against them.
"""

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from superset_assets.binding import asked_metrics, chart_faults, dataset_faults, expressions
from superset_assets.bundle import ASSETS, REGISTRY, Assets
from superset_assets.layout import shown_charts

MARTS = ASSETS.parent / "dbt_project" / "models" / "marts"
SNAPSHOT_INFO = {
    "snapshot_id": "varchar", "built_at": "timestamp", "data_as_of": "timestamp", "code_version": "varchar",
}  # fmt: skip
SNAPSHOT_AUDIT = {
    "snapshot_id": "varchar", "audited_at": "timestamp", "passed": "boolean", "checks": "integer",
    "failed_checks": "varchar",
}  # fmt: skip
VIETNAMESE = re.compile("[ăâđêôơưáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ]", re.IGNORECASE)
OF_COLUMN = {"column_name", "verbose_name", "type", "is_dttm"}
OF_METRIC = {"metric_name", "verbose_name", "expression", "indicator"}
LINK = re.compile(r"/superset/dashboard/([a-z0-9-]+)/\?native_filters=\(([^\"]*)")
FILTER_ID = re.compile(r"NATIVE_FILTER-[\w-]+")


@cache
def promised_columns(audience: str, marts: Path = MARTS) -> dict[str, dict[str, str]]:
    """Table -> column -> type in the file published for an audience, as the marts' contracts say."""
    promised = {"snapshot_info": SNAPSHOT_INFO, "snapshot_audit": SNAPSHOT_AUDIT}
    for path in sorted(marts.rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            if audience in model.get("config", {}).get("meta", {}).get("audience", []):
                promised[model["name"]] = {column["name"]: column["data_type"] for column in model["columns"]}
    return promised


def check(assets: Assets, marts: Path = MARTS) -> list[str]:
    """Every fault found, none when all fits."""
    faults = _doubled_uuids(assets)
    for name, dataset in assets.datasets.items():
        faults += _dataset_faults(name, dataset, assets, marts)
    for name, chart in assets.charts.items():
        faults += _chart_faults(name, chart, assets, marts)
    for name, dashboard in assets.dashboards.items():
        faults += _dashboard_faults(name, dashboard, assets)
    return faults


def _doubled_uuids(assets: Assets) -> list[str]:
    seen: dict[str, str] = {}
    faults = []
    for kind in ("databases", "datasets", "charts", "dashboards"):
        for name, one in getattr(assets, kind).items():
            if other := seen.setdefault(one["uuid"], f"{kind}/{name}") != f"{kind}/{name}":
                faults.append(f"{kind}/{name}.yaml has the uuid of {seen[one['uuid']]}: {other}")
    return faults


def _dataset_faults(name: str, dataset: dict[str, Any], assets: Assets, marts: Path) -> list[str]:
    where = f"datasets/{name}.yaml"
    if dataset["database"] not in assets.databases:
        return [f"{where}: there is no database {dataset['database']!r}"]
    audience = Path(assets.databases[dataset["database"]]["file"]).stem
    promised = promised_columns(audience, marts)
    if unknown := sorted(set(dataset["reads"]) - set(promised)):
        return [f"{where}: {', '.join(unknown)} is not published for {audience}"]
    # a comma in a name that is not in quotes makes another key, and the server would refuse the whole bundle for it
    strange = [key for column in dataset["columns"] for key in column.keys() - OF_COLUMN]
    strange += [key for metric in dataset.get("metrics", []) for key in metric.keys() - OF_METRIC]
    if strange:
        return [
            f"{where}: {key!r} is nothing that a column or a metric has; a text with a comma needs quotes"
            for key in strange
        ]
    with _empty_tables(dataset, promised) as connection:
        if faults := dataset_faults(connection, name, dataset):
            return faults
        made = {row[0] for row in connection.execute(f"describe {dataset['sql']}").fetchall()}
    said = {column["column_name"] for column in dataset["columns"]}
    faults = [f"{where}: the column {column!r} of the query is not described" for column in made - said]
    faults += [f"{where}: {column['column_name']} has no Vietnamese name" for column in dataset["columns"]
               if not column.get("verbose_name")]  # fmt: skip
    faults += _indicator_faults(dataset, where)
    return faults + _link_faults(dataset["sql"], assets, where)


def _indicator_faults(dataset: dict[str, Any], where: str) -> list[str]:
    """Metrics that name no indicator of the registry, or none where they are called like one."""
    registry = _registry()
    faults = []
    for metric in dataset.get("metrics", []):
        code = metric.get("indicator")
        if code and code not in registry:
            faults.append(f"{where}: no indicator {code!r} in the registry")
        if not code and metric["verbose_name"] in registry.values():
            faults.append(f"{where}: {metric['metric_name']} is called like an indicator and does not name it")
    return faults


def _link_faults(sql: str, assets: Assets, where: str) -> list[str]:
    """Links to dashboards, and to their filters, that are not there."""
    pages = {one["slug"]: {each["id"] for each in one.get("filters", [])} for one in assets.dashboards.values()}
    faults = []
    for slug, filters in LINK.findall(sql):
        if slug not in pages:
            faults.append(f"{where}: a link leads to the dashboard {slug!r}, which is not there")
        elif missing := set(FILTER_ID.findall(filters)) - pages[slug]:
            faults.append(f"{where}: {slug!r} has no filter {', '.join(sorted(missing))}")
    return faults


def _empty_tables(dataset: dict[str, Any], promised: dict[str, dict[str, str]]) -> duckdb.DuckDBPyConnection:
    """The tables that a dataset reads, without rows, to bind queries against."""
    connection = duckdb.connect()
    for table in dataset["reads"]:
        body = ", ".join(f'"{column}" {kind}' for column, kind in promised[table].items())
        connection.execute(f'create table "{table}" ({body})')
    return connection


@cache
def _registry() -> dict[str, str]:
    """Code -> Vietnamese name of every indicator."""
    with REGISTRY.open(encoding="utf-8", newline="") as file:
        return {row["indicator_code"]: row["name_vi"] for row in csv.DictReader(file)}


def _chart_faults(name: str, chart: dict[str, Any], assets: Assets, marts: Path) -> list[str]:
    where = f"charts/{name}.yaml"
    dataset = assets.datasets.get(chart["dataset"])
    if dataset is None:
        return [f"{where}: there is no dataset {chart['dataset']!r}"]
    columns = {column["column_name"] for column in dataset["columns"]}
    metrics = {metric["metric_name"] for metric in dataset.get("metrics", [])}
    params = chart["params"]
    used = {*params.get("all_columns", []), *params.get("groupby", []), *params.get("column_config", {})}
    used |= {params[key] for key in ("x_axis", "line_column") if key in params}
    used |= {*params.get("groupbyRows", []), *params.get("groupbyColumns", [])}
    used |= {one["column"] for one in params.get("conditional_formatting", [])} - metrics
    used |= {one["column_name"] for one in params.get("tooltip_contents", []) if one["item_type"] == "column"}
    used |= {one["subject"] for one in params.get("adhoc_filters", []) if one["expressionType"] == "SIMPLE"}
    used |= {yaml.safe_load(one)[0] for one in params.get("order_by_cols", [])}
    faults = [f"{where}: {chart['dataset']} has no column {column!r}" for column in sorted(used - columns)]
    unknown = [one for one in asked_metrics(params) if isinstance(one, str) and one not in metrics]
    faults += [f"{where}: {chart['dataset']} has no metric {metric!r}" for metric in unknown]
    database = assets.databases.get(dataset["database"], {"file": ""})
    promised = promised_columns(Path(database["file"]).stem, marts)
    if expressions(chart) and set(dataset["reads"]) <= set(promised):  # else the dataset's own fault is told
        with _empty_tables(dataset, promised) as connection:
            faults += chart_faults(connection, name, chart, dataset)
    if not VIETNAMESE.search(chart.get("description") or ""):
        faults.append(f"{where}: says nowhere in Vietnamese how to read the chart")
    return faults


def _dashboard_faults(name: str, dashboard: dict[str, Any], assets: Assets) -> list[str]:
    where = f"dashboards/{name}.yaml"
    shown = shown_charts(dashboard)
    faults = [f"{where}: there is no chart {chart!r}" for chart in shown if chart not in assets.charts]
    faults += [f"{where}: {chart} is shown twice" for chart in sorted(set(shown)) if shown.count(chart) > 1]
    for one in dashboard.get("filters", []):
        if one.get("kind") == "time":
            continue
        dataset = assets.datasets.get(one["dataset"])
        columns = {column["column_name"] for column in dataset["columns"]} if dataset else set()
        if one["column"] not in columns:
            wanted = f"{one['dataset']}.{one['column']}"
            faults.append(f"{where}: the filter {one['name']} asks for {wanted}, which is not there")
    return faults
