"""Debian's Chromium, driven headless, with a watch over what a page asks for and complains about."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.support.control_api import PASSWORD

Scheme = Literal["light", "dark"]

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(slots=True)
class Watch:
    """`outside` are addresses that the page asked for elsewhere, `complaints` what its console says."""

    url: str
    outside: list[str] = field(default_factory=list[str])
    complaints: list[str] = field(default_factory=list[str])

    def over(self, page: Page) -> None:
        page.on("request", lambda request: self._asked(request))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(self.url):
            self.outside.append(request.url)


@contextmanager
def chromium() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Browser, watch: Watch, *, scheme: Scheme = "light", width: int = 1280) -> Page:
    """A page in a browser of its own."""
    context = browser.new_context(
        base_url=watch.url,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    watch.over(page)
    return page


def sign_in(page: Page, email: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
