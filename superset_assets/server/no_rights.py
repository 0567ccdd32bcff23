"""What a person reads whom the directory knows and who is in no group of ours: whom to ask, and a way out."""

from typing import Any

from account_rules import BASE_ROLE
from page_corrections import ERROR_PAGE

OPEN = ("/static/", "/logout/", "/health")
TITLE = "Tài khoản chưa được giao quyền xem"
ADVICE = "Bạn đã đăng nhập, nhưng chưa thuộc nhóm nào được xem số liệu. Xin liên hệ bộ phận dữ liệu của tỉnh."


def tell_those_without_rights(app: Any) -> None:
    """Answer every page and question of somebody without a role: Superset would send them in a circle."""
    from flask import jsonify, make_response, request
    from flask_login import current_user

    @app.before_request
    def without_rights() -> Any:
        if request.path.startswith(OPEN) or not current_user.is_authenticated:
            return None
        from superset import security_manager

        if {role.name for role in security_manager.get_user_roles(current_user)} - {BASE_ROLE}:
            return None
        if request.path.startswith("/api/"):
            answer = make_response(jsonify(message=f"{TITLE}. {ADVICE}"), 403)
        else:
            answer = make_response(ERROR_PAGE.format(title=TITLE, advice=ADVICE, address="/logout/", way="Thoát"), 403)
        answer.tells_more = True  # than the page for what is refused, see page_corrections.py
        return answer
