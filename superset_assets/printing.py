"""Dashboards on paper: one PDF each, A4 across, every row of charts whole on one page."""

import base64
import html
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as PlaywrightError

from lake.settings import TIME_ZONE, Settings
from superset_assets.launch import ADMINISTRATOR, SupersetError
from superset_assets.screenshot import (
    CONTENT,
    TABS,
    external,
    page_errors,
    piece,
    seen_pages,
    show_whole,
    signed_in_browser,
    wait_until_drawn,
    window,
)

WIDTH, HEIGHT = 1366, 768  # pixels of the window: the least that the pages are made for
SHARPNESS = 2  # picture points a pixel
STANDALONE = 2  # without navigation and title; the filters stay, so that paper tells what was chosen
PAPER = """<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4 landscape; margin: 12mm 10mm 14mm; }}
body {{ margin: 0; font-family: Inter, Helvetica, Arial, sans-serif; }}
h1 {{ font-size: 20px; color: #135d8f; margin: 0 0 6px; }}
h2 {{ font-size: 15px; margin: 8px 0 4px; break-after: avoid; }}
img {{ display: block; width: 100%; max-height: 178mm; object-fit: contain; object-position: left top;
break-inside: avoid; margin: 0 0 2mm; }}
</style></head><body><h1>{title}</h1>{parts}</body></html>"""
FOOT = """<div style="font: 8px sans-serif; width: 100%; margin: 0 10mm; display: flex; justify-content: space-between">
<span>Kho Tỉnh · {title} · in lúc {now}</span>
<span>trang <span class="pageNumber"></span>/<span class="totalPages"></span></span></div>"""


@dataclass(frozen=True)
class Printed:
    """One PDF. parts: rows of charts on it; errors: what stood in place of charts; external: other hosts asked."""

    path: Path
    parts: int
    seconds: float
    errors: list[str]
    external: list[str]


def print_dashboards(
    settings: Settings, url: str, titles: dict[str, str], folder: Path, username: str = ADMINISTRATOR
) -> Iterator[Printed]:
    """Print the dashboards of the server at `url`, one after the other.

    titles: the last part of a dashboard's address -> its title; username: as whom, see signed_in_browser.
    Raises SupersetError if a page may not be opened or does not come to rest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with signed_in_browser(settings, url, username) as (browser, state):
        if closed := set(titles) - set(seen_pages(browser, state, url)):
            raise SupersetError(f"{username} may not open {', '.join(sorted(closed))}")
        for slug, title in titles.items():
            started = time.monotonic()
            address = f"{url}/superset/dashboard/{slug}/?standalone={STANDALONE}"
            with _quiet_page(browser, state, address) as (page, requests):
                parts = _parts(page)
                errors = page_errors(page)
            path = folder / f"{slug}.pdf"
            _on_paper(browser, title, parts, path)
            rows, seconds = sum("<img" in part for part in parts), round(time.monotonic() - started, 1)
            yield Printed(path, rows, seconds, errors, external(requests, url))


@contextmanager
def _quiet_page(browser: Any, state: Any, address: str) -> Iterator[tuple[Any, list[str]]]:
    """A page that is drawn, and every address it asks for. Raises SupersetError if it does not come to rest."""
    context = window(browser, (WIDTH, HEIGHT), storage_state=state, device_scale_factor=SHARPNESS)
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    try:
        page.goto(address)
        page.wait_for_selector(CONTENT)
        wait_until_drawn(page)
        yield page, requests
    except PlaywrightError as problem:
        raise SupersetError(f"{address} could not be printed: {problem}") from problem
    finally:
        context.close()


def _parts(page: Any) -> list[str]:
    """The rows of a drawn page as pictures in HTML, tab by tab."""
    tabs = [tab.inner_text() for tab in page.query_selector_all(TABS)]
    parts = []
    for place in range(max(1, len(tabs))):
        if tabs:
            page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            page.query_selector_all(TABS)[place].click()
            wait_until_drawn(page)
            parts.append(f"<h2>{html.escape(tabs[place])}</h2>")
        show_whole(page, (WIDTH, HEIGHT))
        rows = [row.bounding_box() for row in page.query_selector_all(".grid-row") if row.is_visible()]
        parts += [_picture(piece(page, row["y"], row["height"])) for row in rows]
    return parts


def _picture(png: bytes) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _on_paper(browser: Any, title: str, parts: list[str], path: Path) -> None:
    context = window(browser)
    page = context.new_page()
    page.set_content(PAPER.format(title=html.escape(title), parts="".join(parts)), wait_until="load")
    now = f"{datetime.now(TIME_ZONE):%H:%M %d/%m/%Y}"
    page.pdf(
        path=path, prefer_css_page_size=True, print_background=True, display_header_footer=True,
        header_template="<span></span>", footer_template=FOOT.format(title=html.escape(title), now=now),
    )  # fmt: skip
    context.close()
