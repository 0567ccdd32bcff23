"""Of a page everybody gets the parts whose figures they may read, and not a refusal where another sector's part stands.

This is comfort: whoever asks for such a part by another way is refused all the same. What is stored stays as it is.
"""

import json
import re
from collections.abc import Collection
from typing import Any

ASKED = re.compile(r"^/api/v1/dashboard/[^/]+(?P<part>/charts|/datasets)?$")
FULL_WIDTH = 12
NOTE_HEIGHT = 11  # two lines on a telephone
ELSEWHERE = "*Trang này có phần thuộc ngành khác, không hiện với tài khoản của bạn.*"


def without(position: dict[str, Any], hidden: Collection[int]) -> dict[str, Any]:
    """The layout without these charts: neighbours in a row widen, empty rows go, a row below the first says so."""
    gone = {
        key
        for key, node in position.items()
        if isinstance(node, dict) and node.get("type") == "CHART" and node["meta"].get("chartId") in hidden
    }
    if not gone:
        return position
    nodes = {key: dict(node) if isinstance(node, dict) else node for key, node in position.items() if key not in gone}
    for key, node in position.items():
        if not isinstance(node, dict) or node.get("type") != "ROW":
            continue
        left = [child for child in node["children"] if child not in gone]
        if not left:
            gone.add(key)
            del nodes[key]
            continue
        nodes[key]["children"] = left
        told, wide = (sum(position[child]["meta"]["width"] for child in some) for some in (node["children"], left))
        for child in left:
            meta = position[child]["meta"]
            nodes[child]["meta"] = {**meta, "width": meta["width"] * told // wide}
    for node in nodes.values():
        if isinstance(node, dict) and "children" in node:
            node["children"] = [child for child in node["children"] if child not in gone]
    return _with_note(nodes)


def _with_note(nodes: dict[str, Any]) -> dict[str, Any]:
    row, text = "ROW-elsewhere", "MARKDOWN-elsewhere"
    parents = [*nodes["GRID_ID"].get("parents", ["ROOT_ID"]), "GRID_ID"]
    first, *others = nodes["GRID_ID"]["children"]  # the first one asks the question of the page
    nodes["GRID_ID"]["children"] = [first, row, *others]
    nodes[row] = {
        "type": "ROW",
        "id": row,
        "children": [text],
        "parents": parents,
        "meta": {"background": "BACKGROUND_TRANSPARENT"},
    }
    nodes[text] = {
        "type": "MARKDOWN", "id": text, "children": [], "parents": [*parents, row],
        "meta": {"width": FULL_WIDTH, "height": NOTE_HEIGHT, "code": ELSEWHERE},
    }  # fmt: skip
    return nodes


def show_readable_parts(app: Any) -> None:
    """Change the answers about a dashboard to what the person who asks may read of it."""
    from flask import request

    @app.after_request
    def readable(response: Any) -> Any:
        asked = ASKED.match(request.path)
        if not asked or request.method != "GET" or response.status_code != 200:
            return response
        answer = json.loads(response.get_data())
        result = answer.get("result")
        if asked["part"] and isinstance(result, list):
            kind = "charts" if asked["part"] == "/charts" else "datasets"
            hidden: Collection[int] = _unreadable(kind, [one["id"] for one in result])
            answer["result"] = [one for one in result if one["id"] not in hidden]
        elif isinstance(result, dict) and result.get("position_json"):
            hidden = _of_dashboard(result)
        else:
            return response
        if hidden:
            response.set_data(json.dumps(answer))
        return response


def _of_dashboard(result: dict[str, Any]) -> Collection[int]:
    """Take out of the answer what may not be read: charts of the layout and filters; returns what it was."""
    position = json.loads(result["position_json"])
    charts = [node["meta"]["chartId"] for node in position.values()
              if isinstance(node, dict) and node.get("type") == "CHART"]  # fmt: skip
    hidden = _unreadable("charts", charts)
    if not hidden:
        return hidden
    result["position_json"] = json.dumps(without(position, hidden))
    told = json.loads(result.get("json_metadata") or "{}")
    filters = told.get("native_filter_configuration", [])
    asked = {target["datasetId"] for one in filters for target in one.get("targets", []) if target.get("datasetId")}
    closed = _unreadable("datasets", sorted(asked))
    told["native_filter_configuration"] = [
        one for one in filters if not closed & {target.get("datasetId") for target in one.get("targets", [])}
    ]
    result["json_metadata"] = json.dumps(told)
    return hidden


def _unreadable(kind: str, numbers: Collection[int]) -> set[int]:
    """Those of these charts or datasets whose figures the person who asks may not read."""
    from superset import db, security_manager
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.slice import Slice

    if not numbers or security_manager.can_access_all_datasources():
        return set()
    model = {"charts": Slice, "datasets": SqlaTable}[kind]
    granted = security_manager.user_view_menu_names("datasource_access")
    found = db.session.query(model.id, model.perm).filter(model.id.in_(numbers)).all()
    return {number for number, right in found if right not in granted}
