"""A browser's session for the accounts of this machine: with single sign-on the pages ask the directory alone."""

from typing import Any

ADDRESS = "/machine-sign-in"


def open_machine_door(app: Any) -> None:
    """Add the door: POST of JSON with username and password, answered with 204 and the session's cookie, or 401."""
    from account_rules import of_machine
    from flask import current_app, request
    from flask_login import login_user
    from superset import security_manager
    from superset.extensions import csrf

    @csrf.exempt  # whoever knows the password comes in, and no page sends it from a form
    def machine_sign_in() -> tuple[str, int]:
        told = request.get_json(silent=True)
        name, password = (str(told.get(part) or "") for part in ("username", "password")) if told else ("", "")
        user = security_manager.auth_user_db(name, password) if of_machine(name) else None
        if user is None:
            return "", 401
        login_user(user)
        return "", 204

    limited = security_manager.limiter.limit(lambda: current_app.config["AUTH_RATE_LIMIT"])
    app.add_url_rule(ADDRESS, view_func=limited(machine_sign_in), methods=["POST"])
