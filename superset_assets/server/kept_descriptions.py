"""What a page asks before it asks for figures is worked out once for everybody with the same rights.

These are names of charts, datasets and columns, without rows; they change with a deployment, which forgets them, or by
hand. A page asks for the columns of each dataset (for the menu under a chart) ahead of all figures: a browser keeps
these for the same time.
"""

from typing import Any

SECONDS = 300
COLUMNS = "DatasetRestApi.get_drill_info"
KEPT = (COLUMNS, "DashboardRestApi.get_datasets", "DashboardRestApi.get_charts")
TYPE = "application/json"


def keep_descriptions(app: Any) -> None:
    """Answer from what is kept. To be called after those that change such an answer for a reader or a telephone."""
    from flask import g, request
    from flask_login import current_user

    @app.before_request
    def kept() -> Any:
        if request.endpoint not in KEPT or request.method != "GET" or not current_user.is_authenticated:
            return None
        from superset.extensions import cache_manager

        g.kho_description = _key(request.full_path)
        answer = cache_manager.cache.get(g.kho_description)
        return None if answer is None else app.response_class(answer, mimetype=TYPE)

    @app.after_request
    def keep(response: Any) -> Any:
        key = g.pop("kho_description", None)
        if key is None or response.status_code != 200 or response.mimetype != TYPE:
            return response
        from superset.extensions import cache_manager

        cache_manager.cache.set(key, response.get_data(), timeout=SECONDS)
        if request.endpoint == COLUMNS:
            response.cache_control.private = True
            response.cache_control.max_age = SECONDS
        return response


def _key(asked: str) -> str:
    """By the rights of who asks as they are now; roles alone tell nothing of a right that a role has lost."""
    from superset import security_manager

    rights = sorted(security_manager.user_view_menu_names("datasource_access"))
    return f"description:{asked}:{security_manager.can_access_all_datasources()}:{rights}"
