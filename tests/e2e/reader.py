"""A person in front of a browser: sees what stands on the page, clicks on it, and counts the clicks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

from superset_assets.screenshot import FLAGS, browser_path, wait_until_drawn, window


@dataclass
class Reader:
    """clicks: so far, signing in included; errors: what the browser complained of; hosts: whom it asked."""

    page: Page
    url: str
    folder: Path
    clicks: int = 0
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def sign_in(self, username: str, password: str) -> None:
        """Type name and password on the first page there is, and click the button."""
        self.page.goto(self.url, wait_until="networkidle")  # before its script runs the form goes nowhere
        self.page.get_by_role("textbox").first.fill(username)
        self.page.locator("input[type=password]").fill(password)
        self.click(self.page.get_by_role("button", name="Đăng nhập"))

    def click(self, what: Locator) -> None:
        """Click and wait until the page that follows is drawn; a page in a new tab is followed."""
        before = len(self.page.context.pages)
        what.scroll_into_view_if_needed()
        what.click()
        self.clicks += 1
        self.page.wait_for_timeout(1000)
        if len(self.page.context.pages) > before:
            self.page = self.page.context.pages[-1]
        wait_until_drawn(self.page)

    def chart(self, title: str) -> Locator:
        """The part of the page under this title."""
        heading = self.page.get_by_text(title, exact=True).first
        return self.page.locator(".dashboard-component-chart-holder").filter(has=heading)

    def picture(self, name: str) -> Path:
        """Keep what the window shows."""
        path = self.folder / f"{self.clicks}-{name}.png"
        self.page.screenshot(path=path)
        return path

    def reads(self) -> str:
        """The text of the page."""
        return self.page.inner_text("body")


@contextmanager
def reader(url: str, folder: Path, size: tuple[int, int]) -> Iterator[Reader]:
    """Somebody who has not signed in yet, with a window of this size in pixels; a narrow one is a telephone's."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(browser_path()), args=list(FLAGS))
        context = window(browser, size)
        person = Reader(context.new_page(), url, folder)
        context.on(
            "request", lambda request: person.hosts.add(request.url.split("/")[2] if "//" in request.url else "")
        )
        context.on("weberror", lambda error: person.errors.append(str(error.error)))
        try:
            yield person
        finally:
            browser.close()
