"""The server's own log of actions, written apart from the requests that it tells of.

Superset commits each line inside the request, three of them a question: that took a quarter of the time of an answer,
and made the request read everything anew that it knew before. What must not be lost is in audit_log.py.
"""

import atexit
import logging
import queue
import threading
import time
from datetime import datetime
from typing import Any

from superset.utils import json
from superset.utils.log import DBEventLogger
from warm_up import WARMING

SECONDS = 1.0  # that lines wait for others


class BatchedEventLogger(DBEventLogger):
    """Keeps lines and lets one thread of the process write them, many at once."""

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.starting = threading.Lock()
        self.app: Any = None

    def log(
        self,
        user_id: int | None,
        action: str,
        dashboard_id: int | None,
        duration_ms: int | None,
        slice_id: int | None,
        referrer: str | None,
        *_: Any,
        **told: Any,
    ) -> None:
        """The same as the server's, without waiting for it to be written."""
        from flask import current_app, has_request_context, request

        if has_request_context() and WARMING in request.environ:
            return
        for record in told.get("records") or []:
            try:
                text = json.dumps(record)
            except (TypeError, ValueError):
                text = None
            self.waiting.put(
                {
                    "action": action,
                    "user_id": user_id,
                    "dashboard_id": dashboard_id or record.get("dashboard_id"),
                    "slice_id": slice_id or record.get("slice_id"),
                    "json": text,
                    "dttm": datetime.utcnow(),
                    "duration_ms": duration_ms,
                    "referrer": referrer,
                }
            )
        with self.starting:
            if self.app is None:
                self.app = current_app._get_current_object()
                atexit.register(self.write)
                threading.Thread(target=self._write_again_and_again, daemon=True).start()

    def _write_again_and_again(self) -> None:
        while True:
            time.sleep(SECONDS)
            self.write()

    def write(self) -> None:
        """Write what waits; what cannot be written is told in the server's log file."""
        from superset import db
        from superset.models.core import Log

        lines = []
        while not self.waiting.empty():
            lines.append(self.waiting.get())
        if not lines:
            return
        with self.app.app_context():
            try:
                db.session.execute(Log.__table__.insert(), lines)
                db.session.commit()
            except Exception:
                logging.getLogger(__name__).exception("%s lines of the action log were not written", len(lines))
                db.session.rollback()
            finally:
                db.session.remove()
