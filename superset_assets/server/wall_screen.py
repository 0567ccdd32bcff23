"""The dashboards on a wall: one page of our own that shows them in turn, screen by screen, in large type.

Whoever logs in sees on it what they may see, nothing more: it asks Superset's own API and frames Superset's own pages.
"""

from pathlib import Path
from typing import Any

ADDRESS = "/man-hinh-lon"
PAGE = Path(__file__).with_name("wall_screen.html")
SCREEN_SECONDS = 20  # how long one screen stays, unless ?giay= asks otherwise
ENLARGED = 1.4  # type that is read from across a room, unless ?phong= asks otherwise


def show_on_walls(app: Any) -> None:
    """Add the page; it is for those who are logged in."""
    from flask import redirect, render_template_string, request
    from flask_login import current_user

    @app.route(ADDRESS)
    def wall_screen() -> Any:
        if not current_user.is_authenticated:
            return redirect(f"/login/?next={ADDRESS}")
        return render_template_string(
            PAGE.read_text(encoding="utf-8"),
            seconds=_between(request.args.get("giay"), 5, 600, SCREEN_SECONDS),
            enlarged=_between(request.args.get("phong"), 1, 3, ENLARGED),
            only=request.args.get("trang", ""),
        )


def _between(told: str | None, least: float, most: float, usual: float) -> float:
    """The number that was asked for, within its bounds; the usual one if it is none."""
    try:
        return min(max(float(told), least), most) if told else usual
    except ValueError:
        return usual
