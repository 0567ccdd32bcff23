"""Does what charts ask for fit the tables that they read? Asked of empty tables before anything is built, and of the
files of a candidate before they are published.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from superset_assets.bundle import PRODUCT, Assets


def dataset_faults(connection: duckdb.DuckDBPyConnection, name: str, dataset: dict[str, Any]) -> list[str]:
    """What keeps a dataset's query, its columns and its metrics from working on the tables of a connection."""
    where = f"datasets/{name}.yaml"
    try:
        found = {row[0]: row[1] for row in connection.execute(f"describe {dataset['sql']}").fetchall()}
    except duckdb.Error as problem:
        return [f"{where}: {str(problem).splitlines()[0]}"]
    said = {column["column_name"]: column["type"] for column in dataset["columns"]}
    faults = [f"{where}: the query makes no column {column!r}" for column in said.keys() - found.keys()]
    faults += [
        f"{where}: {column} is {found[column]}, not {kind}"
        for column, kind in said.items()
        if column in found and found[column] != kind
    ]
    for metric in dataset.get("metrics", []):
        named = f"{where}: {metric['metric_name']}"
        faults += expression_faults(connection, dataset["sql"], metric["expression"], named)
    return faults


def chart_faults(
    connection: duckdb.DuckDBPyConnection, name: str, chart: dict[str, Any], dataset: dict[str, Any]
) -> list[str]:
    """What keeps the expressions that a chart writes itself from working."""
    where = f"charts/{name}.yaml"
    return [
        fault
        for expression in expressions(chart)
        for fault in expression_faults(connection, dataset["sql"], expression, where)
    ]


def expressions(chart: dict[str, Any]) -> list[str]:
    """The SQL that a chart writes itself, beside the metrics of its dataset."""
    return [one["sqlExpression"] for one in asked_metrics(chart["params"]) if not isinstance(one, str)]


def asked_metrics(params: dict[str, Any]) -> list[Any]:
    """The metrics that a chart shows: names of its dataset's, or expressions of its own."""
    return [params[key] for key in ("metric",) if key in params] + list(params.get("metrics", []))


def expression_faults(connection: duckdb.DuckDBPyConnection, sql: str, expression: str, where: str) -> list[str]:
    """What keeps an expression from working on the rows of a query."""
    try:
        connection.execute(f"explain select {expression} from ({sql}) as dataset")
    except duckdb.Error as problem:
        return [f"{where}: {str(problem).splitlines()[0]}"]
    return []


def candidate_faults(assets: Assets, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Dataset -> what keeps it or a chart of it from working on the candidate's files; an empty list where all fits."""
    charts: dict[str, list[str]] = {}
    for name, chart in assets.charts.items():
        charts.setdefault(chart["dataset"], []).append(name)
    for database, about in assets.databases.items():
        if about.get("product", PRODUCT) != PRODUCT:
            continue
        mine = {name: one for name, one in assets.datasets.items() if one["database"] == database}
        path = folder / about["file"]
        if mine and not path.exists():
            yield database, [f"databases/{database}.yaml: the candidate has no file {about['file']}"]
            continue
        with duckdb.connect(path, read_only=True) as connection:
            for name, dataset in mine.items():
                faults = dataset_faults(connection, name, dataset)
                for chart_name in charts.get(name, []) if not faults else []:
                    faults += chart_faults(connection, chart_name, assets.charts[chart_name], dataset)
                yield name, faults
