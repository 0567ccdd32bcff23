"""A session ends so many hours after its sign-in, however busy it is: rights are read anew at the next one."""

import time
from datetime import timedelta
from typing import Any

MARK = "kho_signed_in_at"  # seconds since 1970, in the signed cookie


def end_sessions(app: Any, lifetime: timedelta) -> None:
    """Mark each sign-in with its time, and sign out whoever comes with a mark that is too old, or with none."""
    from flask import session
    from flask_login import logout_user, user_logged_in

    @user_logged_in.connect_via(app)
    def marked(*_: Any, **__: Any) -> None:
        session[MARK] = time.time()

    @app.before_request
    def ended() -> None:
        if "_user_id" in session and outlived(session.get(MARK), time.time(), lifetime):
            logout_user()
            session.clear()


def outlived(since: object, now: float, lifetime: timedelta) -> bool:
    """Whether a session of this mark is over. now: seconds since 1970."""
    return not isinstance(since, int | float) or not 0 <= now - since < lifetime.total_seconds()
