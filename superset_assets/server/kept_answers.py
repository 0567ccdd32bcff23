"""An answer that was given is given again as it was sent, while figures, rights and definitions are the same.

The server keeps the rows of an answer, and for each that it sends again it reads the question, the dataset with all of
its columns and the rights anew, in some twenty statements. Here the whole answer is kept beside them, under what it
depends on. Kept is one that says of itself that its rows were remembered, as all the later ones do.
"""

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import rights_of_now

ENDPOINT = "ChartDataRestApi.data"
TYPE = "application/json"
FRESH = b'"is_cached": false', b'"is_cached": null'  # as the pinned server writes it


def keep_answers(app: Any) -> None:
    """Answer from what is kept. To be called after what ends sessions or refuses those without rights."""
    from flask import g, request
    from flask_login import current_user

    @app.before_request
    def kept() -> Any:
        if request.endpoint != ENDPOINT or not request.is_json or not current_user.is_authenticated:
            return None
        from superset.extensions import cache_manager, event_logger

        began = time.perf_counter()
        asked = key()
        answer = cache_manager.data_cache.get(asked)
        if answer is None:
            g.kho_answer = asked
            return None
        told = json.loads(request.get_data()).get("form_data") or {}
        event_logger.log(
            current_user.id, ENDPOINT, _number(told.get("dashboardId")),
            int((time.perf_counter() - began) * 1000), _number(told.get("slice_id")), request.referrer,
            records=[{"path": request.full_path, "kept": True}],
        )  # fmt: skip
        return app.response_class(answer, mimetype=TYPE)

    @app.after_request
    def keep_it(response: Any) -> Any:
        asked = g.pop("kho_answer", None)
        if asked is not None:
            keep(asked, response)
        return response


def key() -> str:
    """Of the question of this request; the cache itself adds the snapshot, see snapshot_cache.py."""
    from flask import request

    asked = hashlib.sha256(request.get_data()).hexdigest()
    return f"whole:{request.full_path}:{asked}:{rights_of_now.fingerprint()}"


def keep(asked: str, response: Any) -> None:
    """Keep an answer under its question's key, unless rights or definitions were changed while it was worked out."""
    from superset.extensions import cache_manager

    if response.status_code != 200 or response.mimetype != TYPE or _fresh(response):
        return
    if asked.endswith(rights_of_now.read()):
        cache_manager.data_cache.set(asked, response.get_data())


def kept_after(answer: Callable[[], Any]) -> Any:
    """Ask until the answer is one that is kept, and keep it."""
    asked, told = key(), answer()
    if told.status_code == 200 and _fresh(told):
        told = answer()
    keep(asked, told)
    return told


def _fresh(response: Any) -> bool:
    """Whether some of these rows were just read."""
    told = response.get_data()
    return any(sign in told for sign in FRESH)


def _number(told: Any) -> int | None:
    return told if isinstance(told, int) else None
