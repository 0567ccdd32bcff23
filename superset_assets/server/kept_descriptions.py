"""What a page asks before it asks for figures is worked out anew after some minutes, not at each opening.

These are names of charts, datasets and columns, without rows. The list of a page's charts and that of its datasets are
kept here, for each person with the rights of that moment, until the next deployment. A page also asks for the columns
of each dataset, for the menu under a chart and ahead of all figures: those the person's own browser keeps.
"""

from typing import Any

import rights_of_now

SECONDS = 300
LISTS = ("DashboardRestApi.get_charts", "DashboardRestApi.get_datasets")
COLUMNS = "DatasetRestApi.get_drill_info"
TYPE = "application/json"


def keep_descriptions(app: Any) -> None:
    """Answer from what is kept. To be called after those that change these answers for a reader or a telephone."""
    from flask import g, request
    from flask_login import current_user

    @app.before_request
    def kept() -> Any:
        if request.endpoint not in LISTS or request.method != "GET" or not current_user.is_authenticated:
            return None
        from superset.extensions import cache_manager

        key = f"description:{current_user.id}:{request.full_path}:{rights_of_now.fingerprint()}"
        answer = cache_manager.cache.get(key)
        if answer is None:
            g.kho_description = key
            return None
        return app.response_class(answer, mimetype=TYPE)

    @app.after_request
    def keep(response: Any) -> Any:
        key = g.pop("kho_description", None)
        if response.status_code != 200 or response.mimetype != TYPE:
            return response
        if request.endpoint == COLUMNS:
            response.cache_control.private = True
            response.cache_control.max_age = SECONDS
        elif key:
            from superset.extensions import cache_manager

            cache_manager.cache.set(key, response.get_data(), timeout=SECONDS)
        return response
