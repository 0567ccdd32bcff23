"""Where somebody stands after the log-in: on the page that is made for their role (`start` in roles.yaml)."""

from pathlib import Path
from typing import Any

import yaml

# the address of the server, and where the log-in and the menu lead to from there
ENTRANCES = ("/", "/superset/welcome/")
ROLES = Path(__file__).parents[1] / "roles.yaml"


def start_pages(path: Path = ROLES) -> dict[str, str]:
    """Role -> last part of the address of its page, or all of it, in the order of the file: the first one counts."""
    written = yaml.safe_load(path.read_text(encoding="utf-8"))["roles"]
    return {name: role["start"] for name, role in written.items() if "start" in role}


def start_at_own_page(app: Any, usual: str) -> None:
    """Lead from the entrances to the page of one's role, administrators to `usual` (the last part of its address).

    Not before it is deployed.
    """
    from flask import redirect, request
    from flask_login import current_user

    pages = start_pages()

    @app.before_request
    def start_page() -> Any:
        if request.path not in ENTRANCES or not current_user.is_authenticated:
            return None
        from superset import db, security_manager
        from superset.models.dashboard import Dashboard

        mine = {role.name for role in security_manager.get_user_roles()}
        own = (page for role, page in pages.items() if role in mine)
        slug = next(own, usual if security_manager.is_admin() else None)
        if slug and slug.startswith("/"):
            return redirect(slug)
        there = slug and db.session.query(Dashboard.id).filter_by(slug=slug).first()
        return redirect(f"/superset/dashboard/{slug}/") if there else None
