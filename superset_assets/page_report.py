"""A report on dashboards as they are drawn: pictures of each page at each size of window, and what is wrong there."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lake.settings import Settings
from superset_assets.launch import ADMINISTRATOR
from superset_assets.screenshot import PHONE, SIZES, pictures, seen_pages, signed_in_browser


def report_pages(
    settings: Settings,
    url: str,
    slugs: Sequence[str],
    folder: Path,
    sizes: Sequence[tuple[int, int]] = (),
    username: str = ADMINISTRATOR,
) -> list[dict[str, Any]]:
    """One entry a picture: `dashboard`, `picture` (path), `seconds` until it was drawn, `faults` (kind -> what).

    slugs: the last parts of the dashboards' addresses; sizes: of the window in pixels, none for two screens and a
    phone; username: whose pages, see signed_in_browser; those that they may not open are left out. Writes the same as
    report.json into the folder. Raises SupersetError if a page does not come to rest.
    """
    with signed_in_browser(settings, url, username) as (browser, state):
        seen = seen_pages(browser, state, url)
        report = [
            {"dashboard": slug, "picture": str(one.path), "seconds": one.seconds, "faults": one.faults()}
            for slug in slugs
            if slug in seen
            for one in pictures(browser, state, url, slug, folder, sizes or (*SIZES, PHONE))
        ]
    told = json.dumps(report, ensure_ascii=False, indent=1)
    (folder / "report.json").write_text(told + "\n", encoding="utf-8")
    return report
