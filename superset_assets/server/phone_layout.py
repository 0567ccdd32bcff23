"""On a telephone the parts of a dashboard stand one below the other, each as wide as the window.

Superset squeezes twelve columns into any window. Here the layout that a telephone asks for is changed while it is sent;
what is stored stays as it is, and nothing that was changed on a telephone is saved.
"""

import json
import re
from typing import Any

ASKED = re.compile(r"^/api/v1/dashboard/[^/]+$")
FULL_WIDTH = 12
# a part that was wider than a telephone needs more lines for its text: so many grid units of 8 pixels more; of a chart
# also for the table that stands there as cards
MORE_FOR_TEXT = {"MARKDOWN": 18, "CHART": 28}
NARROW = 4  # columns of the smallest screen are no more than a telephone has
TALLEST = 90
NOT_HERE = "Không sửa bảng điều hành được trên điện thoại"


def stacked(position: dict[str, Any]) -> dict[str, Any]:
    """The same layout with one part a row. Rows keep their order, parts of a row theirs."""
    nodes = {key: dict(node) if isinstance(node, dict) else node for key, node in position.items()}
    for key, node in position.items():
        if not isinstance(node, dict) or node.get("type") != "ROW":
            continue
        holder = nodes[node["parents"][-1]]
        rows = [f"{key}-{place}" for place in range(len(node["children"]))]
        for row, child in zip(rows, node["children"], strict=True):
            nodes[row] = {**node, "id": row, "children": [child]}
            part = position[child]
            parents = [*node["parents"], row]
            nodes[child] = {**part, "parents": parents, "meta": {**part["meta"], **_size(part)}}
        at = holder["children"].index(key)
        holder["children"] = [*holder["children"][:at], *rows, *holder["children"][at + 1 :]]
        del nodes[key]
    return nodes


def _size(part: dict[str, Any]) -> dict[str, int]:
    height, more = part["meta"]["height"], 0 if part["meta"]["width"] <= NARROW else MORE_FOR_TEXT.get(part["type"], 0)
    return {"width": FULL_WIDTH, "height": max(height, min(height + more, TALLEST))}


def stack_for_phones(app: Any) -> None:
    """Change the answers to telephones that ask for a dashboard, and take no layout back from them."""
    from flask import request

    @app.before_request
    def keep() -> Any:
        if request.method == "PUT" and ASKED.match(request.path) and _is_phone(request):
            return app.response_class(json.dumps({"message": NOT_HERE}), status=403, mimetype="application/json")
        return None

    @app.after_request
    def stack(response: Any) -> Any:
        if request.method != "GET" or not ASKED.match(request.path) or not _is_phone(request):
            return response
        if response.status_code != 200 or response.mimetype != "application/json":
            return response
        answer = json.loads(response.get_data())
        stored = answer.get("result", {}).get("position_json")
        if stored:
            answer["result"]["position_json"] = json.dumps(stacked(json.loads(stored)))
            response.set_data(json.dumps(answer))
        return response


def _is_phone(request: Any) -> bool:
    """Browsers of telephones say so in their name, all in the same way."""
    return "Mobi" in request.headers.get("User-Agent", "")
