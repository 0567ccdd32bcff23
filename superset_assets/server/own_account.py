"""One's own account: what the menu's «Thông tin» opens, and from where the password is changed."""

from typing import Any

# The page of the menu would need a right by which names and passwords are changed at the interface of the server.
IN_THE_MENU = "/user_info/"
PAGE = "/users/userinfo/"
SHOWN = [("", {"fields": ["username", "last_name", "first_name", "email", "login_count"]})]


def lead_to_own_account(app: Any) -> None:
    """Open from the menu the page whose right everybody has who has a password here (roles.yaml, own_password)."""
    from flask import redirect, request
    from flask_appbuilder.security.views import UserDBModelView

    UserDBModelView.user_show_fieldsets = SHOWN  # not the roles' technical names

    @app.before_request
    def own_account() -> Any:
        return redirect(PAGE) if request.path == IN_THE_MENU else None
