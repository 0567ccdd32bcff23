"""Pictures of dashboards in headless Chromium, and what went wrong while they were drawn."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from lake.settings import Settings
from superset_assets.launch import ADMINISTRATOR, SupersetError, machine_password_file, password_file
from superset_assets.page_faults import look
from superset_assets.server.account_rules import of_machine
from superset_assets.server.machine_door import ADDRESS

SIZES = ((1366, 768), (1920, 1080))
PHONE = (390, 844)
PHONE_WIDTH = 600  # below it a window is a telephone's
PHONE_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 "
    "Mobile Safari/537.36"
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# deck.gl needs WebGL, and a server has no graphics card
FLAGS = (
    "--use-angle=swiftshader",
    "--use-gl=angle",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--lang=vi-VN",
)
ERRORS = '[data-test="error-alert"], .ant-alert-error, [role="alert"].error, .chart-container .missing-chart-container'
CONTENT = '[data-test="dashboard-content-wrapper"], .dashboard-content'
TABS = '.dashboard-component-tabs [role="tab"]'
WAITING = '[data-test="loading-indicator"], .chart-container .loading'
DRAW_SECONDS = 240  # on a busy machine; it is seldom more than ten
PIECE = 4000  # pixels of a page drawn at once: beyond 8192 points Chromium repeats itself


@dataclass
class Picture:
    """One picture and what the browser saw. requests: every address asked for; external: those of other hosts.

    empty: titles of charts with nothing drawn; cut: texts and charts that do not fit; english: words left in English.
    """

    path: Path
    size: tuple[int, int]
    text: str
    errors: list[str]
    console: list[str]
    canvases: int
    seconds: float
    requests: list[str] = field(repr=False, default_factory=list)
    external: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    english: list[str] = field(default_factory=list)

    def faults(self) -> dict[str, list[str]]:
        """Kind of fault -> what was found; nothing where the page is as it should be."""
        kinds = ("errors", "console", "empty", "cut", "english", "external")
        return {kind: found for kind in kinds if (found := getattr(self, kind))}


def browser_path() -> Path:
    """The Chromium to drive: KHO_CHROMIUM or the system's. Raises SupersetError if there is none."""
    found = os.environ.get("KHO_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found or not Path(found).exists():
        raise SupersetError("no Chromium found: install it, or name it in KHO_CHROMIUM")
    return Path(found)


def screenshots(
    settings: Settings, url: str, slug: str, folder: Path, sizes: Sequence[tuple[int, int]] = SIZES
) -> list[Picture]:
    """Sign in and take one picture of the whole dashboard for each window size (pixels).

    Raises SupersetError if the browser is missing or the page does not come to rest.
    """
    with signed_in_browser(settings, url) as (browser, state):
        return pictures(browser, state, url, slug, folder, sizes)


def pictures(
    browser: Any, state: Any, url: str, slug: str, folder: Path, sizes: Sequence[tuple[int, int]] = SIZES
) -> list[Picture]:
    """The same in a browser that is there, see signed_in_browser."""
    folder.mkdir(parents=True, exist_ok=True)
    return [one for size in sizes for one in _pictures(browser, state, url, slug, folder, size)]


def window(browser: Any, size: tuple[int, int] = (1280, 720), **options: Any) -> Any:
    """A context of a Vietnamese reader, who waits for as long as a busy machine takes.

    size: width and height in pixels; a narrow one is a telephone's. options: see Browser.new_context.
    """
    width, height = size
    options["viewport"] = {"width": width, "height": height}
    if width < PHONE_WIDTH:
        options |= {"user_agent": PHONE_AGENT, "has_touch": True}
    context = browser.new_context(locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh", **options)
    context.set_default_timeout(DRAW_SECONDS * 1000)
    return context


@contextmanager
def signed_in_browser(settings: Settings, url: str, username: str = ADMINISTRATOR) -> Iterator[tuple[Any, Any]]:
    """A Chromium and what it keeps of a log-in: to be given to new contexts.

    username: an account of this machine, or somebody who has not changed the first password yet. Raises SupersetError
    if there is no browser or no password.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(browser_path()), args=list(FLAGS))
        try:
            yield browser, _signed_in(browser, url, username, _password(settings, username))
        finally:
            browser.close()


def _password(settings: Settings, username: str) -> str:
    if username == ADMINISTRATOR:
        kept = password_file(settings)
    elif of_machine(username):
        kept = machine_password_file(settings, username)
    else:
        kept = settings.home / "secrets" / "first_passwords" / username
    if not kept.exists():
        raise SupersetError(f"there is no {kept}: deploy the dashboards with {username} in the file of users")
    return kept.read_text().strip()


def seen_pages(browser: Any, state: Any, url: str) -> list[str]:
    """The last parts of the addresses of the dashboards that whoever is signed in may open."""
    context = window(browser, storage_state=state)
    told = context.request.get(f"{url}/api/v1/dashboard/?q=(page_size:100)").json()["result"]
    context.close()
    return [one["slug"] for one in told]


def _signed_in(browser: Any, url: str, username: str, password: str) -> Any:
    context = window(browser)
    if of_machine(username):
        # not by the page's form: with single sign-on that asks the directory
        answer = context.request.post(f"{url}{ADDRESS}", data={"username": username, "password": password})
        if not answer.ok:
            raise SupersetError(f"Superset does not let the browser in at {url}: {answer.status}")
    else:
        page = context.new_page()
        page.goto(f"{url}/login/", wait_until="networkidle")  # before its script runs the form goes nowhere
        page.fill("input#username, input[name=username]", username)
        page.fill("input#password, input[name=password]", password)
        page.press("input#password, input[name=password]", "Enter")
        page.wait_for_url(lambda address: "/login" not in address)
    state = context.storage_state()
    context.close()
    return state


def _pictures(browser: Any, state: Any, url: str, slug: str, folder: Path, size: tuple[int, int]) -> list[Picture]:
    """One picture of the page, or one a tab where it has tabs."""
    width, height = size
    context = window(browser, size, storage_state=state)
    page = context.new_page()
    requests: list[str] = []
    console: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: console.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda problem: console.append(str(problem)))
    started = time.monotonic()
    page.goto(f"{url}/superset/dashboard/{slug}/")
    taken = []
    try:
        page.wait_for_selector(CONTENT)
        wait_until_drawn(page)
        tabs = page.query_selector_all(TABS)
        for index in range(max(1, len(tabs))):
            if index:
                started = time.monotonic()
                page.set_viewport_size({"width": width, "height": height})
                page.query_selector_all(TABS)[index].click()
                wait_until_drawn(page)
            name = f"{slug}-{width}x{height}" + (f"-{index + 1}" if index else "")
            drawn = round(time.monotonic() - started, 1)
            taken.append(_picture(page, folder / f"{name}.png", size, drawn))
    except PlaywrightError as problem:
        page.screenshot(path=folder / f"{slug}-{width}x{height}-unfinished.png")
        raise SupersetError(f"the page of {slug} did not come to rest at {width}×{height}: {problem}") from problem
    for picture in taken:
        picture.console, picture.requests, picture.external = console, requests, external(requests, url)
    context.close()
    return taken


def external(addresses: Sequence[str], url: str) -> list[str]:
    """Those of the addresses that are of another host than the server's."""
    split = [(address, urlsplit(address)) for address in addresses]
    own = urlsplit(url).netloc
    return [address for address, parts in split if parts.scheme not in ("data", "blob") and parts.netloc != own]


def page_errors(page: Any) -> list[str]:
    """What stands on a page in place of charts."""
    return [found.inner_text() for found in page.query_selector_all(ERRORS)]


def _picture(page: Any, path: Path, size: tuple[int, int], seconds: float) -> Picture:
    """The whole page as it is drawn now, and its faults."""
    show_whole(page, size)
    _whole_picture(page).save(path)
    return Picture(
        path=path,
        size=size,
        text=page.inner_text("body"),
        errors=page_errors(page),
        console=[],
        canvases=page.evaluate(DRAWN_MAPS),
        seconds=seconds,
        **look(page),
    )


def _whole_picture(page: Any) -> Image.Image:
    """The window from top to bottom, put together from pieces."""
    window = page.viewport_size
    whole = Image.new("RGB", (window["width"], window["height"]))
    for top in range(0, window["height"], PIECE):
        taken = piece(page, top, min(PIECE, window["height"] - top))
        whole.paste(Image.open(BytesIO(taken)), (0, top))
    return whole


def piece(page: Any, top: float, height: float) -> bytes:
    """A stretch of the window as PNG; top, height: in its pixels."""
    lift = "top => { document.body.style.transform = top ? `translateY(${-top}px)` : ''; }"
    page.evaluate(lift, top)
    try:
        taken: bytes = page.screenshot(clip={"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height})
        return taken
    finally:
        page.evaluate(lift, 0)


def show_whole(page: Any, size: tuple[int, int]) -> None:
    """Make the window as high as the content, at least as `size`: the page scrolls inside itself."""
    width, height = size
    content = page.evaluate("document.querySelector('.dashboard-content').getBoundingClientRect().bottom")
    page.set_viewport_size({"width": width, "height": max(height, int(content) + 20)})
    page.wait_for_timeout(1500)  # maps are drawn anew for the higher window


# Maps with a shape on them: WebGL canvases whose picture has more than one colour.
DRAWN_MAPS = """
() => [...document.querySelectorAll('canvas')].filter(canvas => {
  const overlay = canvas.closest('[id^=chart-id]')?.querySelector('.deckgl-overlay, #deckgl-overlay');
  if (!(canvas.id || '').includes('deck') && !overlay) return false;
  const copy = document.createElement('canvas');
  copy.width = 64; copy.height = 64;
  const context = copy.getContext('2d');
  context.drawImage(canvas, 0, 0, 64, 64);
  const seen = new Set();
  const data = context.getImageData(0, 0, 64, 64).data;
  for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 4).join());
  return seen.size > 3;
}).length
"""


def wait_until_loaded(page: Any) -> None:
    """Wait until no chart is loading any more. Raises playwright's TimeoutError."""
    page.wait_for_selector(".chart-container, [data-test='chart-container']")
    page.wait_for_function(
        "selector => document.querySelectorAll(selector).length === 0 && "
        "document.querySelectorAll('.dashboard-component-chart-holder').length > 0",
        arg=WAITING,
    )


def wait_until_drawn(page: Any) -> None:
    """Wait until no chart is loading any more and the page has come to rest. Raises playwright's TimeoutError."""
    wait_until_loaded(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)
