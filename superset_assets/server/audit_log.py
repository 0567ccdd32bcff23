"""Who signed in, asked and took away what: one line of JSON a request that counts, in a file a month.

Lines are only ever added; `kho audit-log` and whoever may read the folder read them.
"""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# what counts -> the paths of the pinned server, first match
KINDS = (
    ("sign-in", re.compile(r"/login/|/oauth-authorized/|/machine-sign-in|/api/v1/security/login")),
    ("sign-out", re.compile(r"/logout/")),
    ("export", re.compile(r"/export|/csv|format=(csv|xlsx)|csv=true|(cache_dashboard_)?screenshot|/thumbnail")),
    ("query", re.compile(r"/api/v1/chart/(data|\d+/data)|/sqllab/(execute|results|estimate)|/superset/explore_json|"
                         r"/datasource/(samples|[^/]+/\d+/column)|/api/v1/dataset/[^/]+/(samples|drill)")),
    ("read-log", re.compile(r"/api/v1/log/|/logmodelview/")),
    ("page", re.compile(r"^/(superset/)?(dashboard|explore|sqllab)\b")),
)  # fmt: skip
CHANGES = ("POST", "PUT", "DELETE", "PATCH")
SILENT = re.compile(r"/superset/log/|/filter_state|/dashboard/[^/]+/permalink|/static/|/health|/tabstateview|form_data")
QUERY_TEXT = 2000  # characters kept of what was asked


def keep_audit_log(app: Any, folder: Path) -> None:
    """Write the line of each request after it was answered."""
    from flask import g, request

    folder.mkdir(parents=True, exist_ok=True)

    @app.after_request
    def audited(response: Any) -> Any:
        kind = kind_of(request.method, request.full_path, request.content_length and request.get_data(as_text=True))
        if kind is None or (kind == "sign-in" and request.method == "GET" and "oauth" not in request.path):
            return response
        user = getattr(g, "user", None)
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "user": _name(user, kind),
            "from": request.remote_addr,
            "kind": kind,
            "method": request.method,
            "path": request.path,
            "asked": _asked(kind),
            "status": response.status_code,
            "refused": response.status_code in (401, 403, 404) or (kind == "sign-in" and _refused(user)),
        }
        append(folder, line)
        return response


def kind_of(method: str, path: str, body: str | None) -> str | None:
    """What a request is for the log; None for what does not count."""
    if SILENT.search(path):
        return None
    taken_away = body and re.search(r'"result_format":\s*"(csv|xlsx)"', body[:20_000])
    if taken_away:
        return "export"
    for kind, pattern in KINDS:
        if pattern.search(path):
            return kind
    return "change" if method in CHANGES else None


def append(folder: Path, line: dict[str, Any]) -> None:
    """Add one line; a write of one piece to a file opened for adding is not torn apart by others'."""
    path = folder / f"{line['at'][:7]}.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        os.write(descriptor, (json.dumps(line, ensure_ascii=False) + "\n").encode())
    finally:
        os.close(descriptor)


def _name(user: Any, kind: str) -> str:
    from flask import request

    if user is not None and not user.is_anonymous:
        return str(user.username)
    tried = ""
    if kind == "sign-in":  # who it was that was not let in
        tried = request.form.get("username") or (request.get_json(silent=True) or {}).get("username") or ""
    return str(tried)[:64]


def _refused(user: Any) -> bool:
    from flask import request
    from flask_login import current_user

    if request.path.startswith("/api/"):
        return False
    return not current_user.is_authenticated


def _asked(kind: str) -> str:
    """What was asked for; a password is never part of it."""
    from flask import request

    if kind in ("sign-in", "sign-out"):
        return ""
    told = request.query_string.decode(errors="replace")
    if request.path.startswith(("/api/v1/security", "/resetmypassword", "/resetpassword", "/users")):
        return told[:QUERY_TEXT]
    body = request.get_data(as_text=True) if (request.content_length or 0) < 200_000 and "multipart" not in (
        request.mimetype or "") else ""  # fmt: skip
    return f"{told} {body}".strip()[:QUERY_TEXT]
