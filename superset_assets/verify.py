"""Does the server hold what the code says? Every difference is named."""

import io
import json
import secrets
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from lake.settings import Settings
from superset_assets.bundle import ASSETS, HARDENING, Assets, placeholders, read_assets, render
from superset_assets.client import SignedInClient, connect, export_bundle
from superset_assets.grants import access_differences, meant
from superset_assets.launch import SupersetError

# What the server adds, numbers anew or keeps for itself.
IGNORED = {
    "databases": {"version", "configuration_method", "password", "extra.schemas_allowed_for_csv_upload"},
    "datasets": {
        "version",
        "extra",
        "folders",
        "source_db_engine",
        "currency_code_column",
        "template_params",
        "params",
    },
    "charts": {"version", "query_context", "tags", "params.datasource", "params.slice_id"},
    "dashboards": {"version", "tags", "theme_uuid", "theme_id"},
}
HOSTILE = "select content from read_text('/etc/hostname')"
REFUSED = "không mở tệp"  # what the server says of it, see server/query_limits.py


@dataclass(frozen=True)
class Difference:
    """path: the file in the bundle; name: dotted, empty for the whole object."""

    path: str
    name: str
    said: Any
    there: Any

    def __str__(self) -> str:
        if not self.name:
            return f"{self.path}: not on the server"
        if self.name == "sqlalchemy_uri" and self.there is None:
            return f"{self.path}: the address lacks {self.said}"
        return f"{self.path}: {self.name} is {_short(self.there)}, the code says {_short(self.said)}"


def verify(settings: Settings, url: str, folder: Path = ASSETS) -> list[str]:
    """Compare the server with the code; returns the differences, none when all is as it should be.

    Raises AssetError and SupersetError.
    """
    assets = read_assets(placeholders(settings), folder)
    return differences(settings, connect(settings, url), assets, render(settings, assets), folder)


def differences(
    settings: Settings,
    client: SignedInClient,
    assets: Assets,
    files: dict[str, dict[str, Any]],
    folder: Path = ASSETS,
) -> list[str]:
    """The same for a rendered bundle and a connection."""
    found = [str(one) for one in asset_differences(client, files)]
    found += _reachable(client)
    try:
        return found + access_differences(settings, client, meant(settings, client, assets, folder))
    except SupersetError as problem:
        return [*found, str(problem)]


def asset_differences(client: SignedInClient, files: dict[str, dict[str, Any]]) -> list[Difference]:
    """The differences of databases, datasets, charts and dashboards alone."""
    on_server = {}
    with zipfile.ZipFile(io.BytesIO(export_bundle(client))) as archive:
        for path in archive.namelist():
            content = yaml.safe_load(archive.read(path))
            if isinstance(content, dict) and "uuid" in content:
                on_server[content["uuid"]] = content
    charts = {content["uuid"]: content["slice_name"] for path, content in files.items() if path.startswith("charts/")}
    found: list[Difference] = []
    for path, wanted in files.items():
        kind = path.split("/")[0]
        if kind not in IGNORED:
            continue
        there = on_server.get(wanted["uuid"])
        if there is None:
            found.append(Difference(path, "", wanted["uuid"], None))
            continue
        if kind == "dashboards":
            wanted, there = _by_uuid(wanted, charts), _by_uuid(there, charts)
        found += [
            Difference(path, name, said, now)
            for name, said, now in _compare("", wanted, there)
            if not any(name == ignored or name.startswith(f"{ignored}.") for ignored in IGNORED[kind])
        ]
        if kind == "databases":
            found += _unhardened(path, there)
    return found


def _unhardened(path: str, database: dict[str, Any]) -> list[Difference]:
    """An import may rewrite the address: look at what the server really holds."""
    options = {f"{name}={value}" for name, value in parse_qsl(urlsplit(database["sqlalchemy_uri"]).query)}
    return [Difference(path, "sqlalchemy_uri", option, None) for option in HARDENING if option not in options]


def _reachable(client: SignedInClient) -> list[str]:
    """Ask for a file of the machine through each database: it must be refused."""
    found = []
    for database in client.all_of("database"):
        if database["backend"] != "duckdb":
            continue
        asked = {"database_id": database["id"], "sql": HOSTILE, "runAsync": False, "client_id": secrets.token_hex(5)}
        response = client.post(f"{client.base_url}/sqllab/execute/", json=asked)
        if response.ok or REFUSED not in json.dumps(response.json(), ensure_ascii=False):
            found.append(
                f"database {database['database_name']}: a file of the server asked for through SQL was not refused "
                f"({response.status_code} {response.text[:200]})"
            )
    return found


def _by_uuid(dashboard: dict[str, Any], charts: dict[str, str]) -> dict[str, Any]:
    """A dashboard with charts called by name instead of the numbers that each server gives anew."""
    position = {key: node for key, node in dashboard["position"].items() if isinstance(node, dict)}
    names: dict[str, str] = {}
    nodes: dict[str, Any] = {}
    for key, node in position.items():
        meta = dict(node.get("meta", {}))
        if node["type"] == "CHART":
            name = charts.get(str(meta.get("uuid")), "a chart that is not in code")
            names[str(meta.pop("chartId", ""))] = name
            meta = {"chart": name, "width": meta.get("width"), "height": meta.get("height")}
        nodes[key] = {"type": node["type"], "children": node.get("children", []), "meta": meta}
    metadata = dashboard["metadata"]
    filters = [
        {
            "name": one["name"],
            "columns": [target.get("column") for target in one["targets"]],
            "default": one.get("defaultDataMask", {}).get("filterState"),
            "outside": sorted(names.get(str(number), "?") for number in one["scope"]["excluded"]),
        }
        for one in metadata.get("native_filter_configuration", [])
    ]
    return {
        **{key: value for key, value in dashboard.items() if key not in ("position", "metadata")},
        "layout": nodes,
        "filters": filters,
        "subtitles": sorted(names.get(number, "?") for number in metadata.get("expanded_slices", {})),
        "orientation": metadata.get("filter_bar_orientation"),
    }


def _compare(name: str, wanted: Any, there: Any) -> list[tuple[str, Any, Any]]:
    """(dotted name, wanted, there) of every difference; what the code does not mention is the server's own."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        inner = []
        for key, value in wanted.items():
            inner += _compare(f"{name}.{key}" if name else str(key), value, there.get(key))
        if name.endswith(("params", "layout")):  # here an addition changes what is seen
            inner += [(f"{name}.{key}", None, there[key]) for key in there.keys() - wanted.keys() if there[key]]
        return inner
    if isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        wanted, there = _ordered(wanted), _ordered(there)
        pairs = enumerate(zip(wanted, there, strict=True))
        return [found for i, (a, b) in pairs for found in _compare(f"{name}[{i}]", a, b)]
    return [] if (wanted or None) == (there or None) else [(name, wanted, there)]


def _ordered(parts: list[Any]) -> list[Any]:
    """Columns and metrics in the order of their names: the server keeps none."""
    for key in ("column_name", "metric_name"):
        if parts and all(isinstance(part, dict) and key in part for part in parts):
            return sorted(parts, key=lambda part: str(part[key]))
    return parts


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "…"
