"""A report on dashboards as they are drawn: pictures of each page at each size of window, and what is wrong there."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lake.settings import Settings
from superset_assets.screenshot import PHONE, SIZES, pictures, signed_in_browser


def report_pages(
    settings: Settings, url: str, slugs: Sequence[str], folder: Path, sizes: Sequence[tuple[int, int]] = ()
) -> list[dict[str, Any]]:
    """One entry a picture: `dashboard`, `picture` (path), `seconds` until it was drawn, `faults` (kind -> what).

    slugs: the last parts of the dashboards' addresses; sizes: of the window in pixels, none for two screens and a
    phone. Writes the same as report.json into the folder. Raises SupersetError if a page does not come to rest.
    """
    with signed_in_browser(settings, url) as (browser, state):
        report = [
            {"dashboard": slug, "picture": str(one.path), "seconds": one.seconds, "faults": one.faults()}
            for slug in slugs
            for one in pictures(browser, state, url, slug, folder, sizes or (*SIZES, PHONE))
        ]
    told = json.dumps(report, ensure_ascii=False, indent=1)
    (folder / "report.json").write_text(told + "\n", encoding="utf-8")
    return report
