"""After a publication what was asked lately is asked again, so that the first reader of new figures does not wait.

Answers are remembered by snapshot and roles. So each question is asked in the name of one who asked it, with the rights
that this account has by then; who has lost them is answered nothing. Nobody reads these answers: they are no line of
the audit log, and none of the server's own.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import kept_answers
from snapshot_cache import published, roles

QUESTIONS = ("/api/v1/chart/data", "/superset/explore_json/")  # the second is what maps ask
KEPT = 500  # of the newest; twelve pages ask about 150
LONGEST = 100_000  # bytes
LOOK_SECONDS = 3.0
QUIET_SECONDS = 1.0  # without a question of anybody, before the next is asked again: readers go first
WARMING = "kho.warming"  # in the environment of a request that is nobody's


class Question(NamedTuple):
    """What was asked, by whom."""

    path: str
    kind: str
    body: bytes
    user: int


def warm_up_after_publication(app: Any, pointers: list[Path]) -> None:
    """Note questions that were answered, and ask them again once other snapshots are published.

    pointers: the links to what is published.
    """
    from flask import request

    lately: OrderedDict[tuple[str, str, bytes], Question] = OrderedDict()
    noting = threading.Lock()
    watching = threading.Event()
    asked_at = [0.0]  # when somebody asked last, by time.monotonic()

    @app.after_request
    def noted(response: Any) -> Any:
        if not request.path.startswith(QUESTIONS) or request.method != "POST" or response.status_code != 200:
            return response
        asked_at[0] = time.monotonic()
        from flask_login import current_user

        if current_user.is_authenticated and not (request.content_length or 0) > LONGEST and response.is_json:
            question = Question(request.full_path, request.content_type, request.get_data(), current_user.id)
            key = roles(), question.path, question.body
            with noting:
                lately[key] = question
                lately.move_to_end(key)
                while len(lately) > KEPT:
                    lately.popitem(last=False)
                if not watching.is_set():
                    watching.set()
                    threading.Thread(target=watch, daemon=True).start()
        return response

    def watch() -> None:
        known = published(pointers)
        while True:
            time.sleep(LOOK_SECONDS)
            if published(pointers) == known:
                continue
            known = published(pointers)
            with noting:
                again = list(reversed(lately.items()))
            for key, question in again:
                while time.monotonic() - asked_at[0] < QUIET_SECONDS:
                    time.sleep(QUIET_SECONDS / 4)
                if published(pointers) != known:
                    break
                if not answered(app, question):
                    with noting:
                        lately.pop(key, None)


def answered(app: Any, question: Question) -> bool:
    """Ask once more, without what is done around a request of somebody's: no session, no line in a log."""
    from flask import g, request
    from superset import security_manager

    with app.test_request_context(
        question.path,
        method="POST",
        data=question.body,
        content_type=question.kind,
        environ_overrides={WARMING: True},
    ):
        try:
            user = security_manager.get_user_by_id(question.user)
            if user is None or not user.is_active:
                return False
            g.user = g._login_user = user
            view: Callable[..., Any] = app.view_functions[request.endpoint]

            def answer() -> Any:
                return app.make_response(view(**(request.view_args or {})))

            told = kept_answers.kept_after(answer) if request.endpoint == kept_answers.ENDPOINT else answer()
            return bool(told.status_code == 200)
        except Exception:
            logging.getLogger(__name__).warning("a question could not be asked again", exc_info=True)
            return False
