"""A tab that is watched: by axe, for what the browser complains about, and for what is cut off."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Request, ViewportSize

from tests.browser.site import DESK, PHONE

NARROW = (320, 700)
Looks = Mapping[str, tuple[tuple[int, int], str]]
LOOKS: Looks = {"on a desk in light": (DESK, "light"), "on a phone in dark": (PHONE, "dark")}
PHONES: Looks = {"on a phone in light": (PHONE, "light"), "on a phone in dark": (PHONE, "dark")}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Tables that become lists where there is no room for columns; others may scroll by themselves.
TABLES = """[...document.querySelectorAll(".table-wrap:has(td[data-label])")]
  .filter((wrap) => wrap.scrollWidth > wrap.clientWidth)
  .map((wrap) => `the table ${wrap.getAttribute("aria-label")} scrolls sideways`)"""
FIND = Path(__file__).with_name("axe.js").read_text()


class Watched:
    """A tab of a window that is `size` large and in `theme`, and its `complaints` so far."""

    def __init__(
        self, context: BrowserContext, *, size: tuple[int, int] = DESK, theme: str = "light"
    ) -> None:
        self.tab = context.new_page()
        self.complaints: list[str] = []
        self._size, self._theme = size, theme
        self._host = ""
        self.tab.on("console", self._hear)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("request", self._ask)
        self.tab.on("requestfailed", self._miss)

    def look_at(self, path: str, *, status: int = 200) -> None:
        """Goes there."""
        answer = self.tab.goto(path)
        assert answer is not None
        assert answer.status == status, f"{path} answered {answer.status}"

    def check(self, looks: Looks = LOOKS) -> None:
        """At every look axe finds nothing, and nothing is cut off even at 320 pixels. The browser
        complains about nothing, and asked nothing of another host.
        """
        faults = [fault for where, look in looks.items() for fault in self._axe(where, *look)]
        faults += self._cut_off("on the narrowest phone", NARROW)
        self._show(self._size, self._theme)
        self._told(faults)

    def heard_nothing(self) -> None:
        """As `check`, but for axe, which needs scripts, and for sizes that are not shown now."""
        self._told(self._cut_off("here", self._size))

    def _told(self, faults: list[str]) -> None:
        faults, self.complaints = [*faults, *self.complaints], []
        place = urlsplit(self.tab.url)
        assert not faults, f"{place.path}, {self.tab.title()!r}\n" + "\n".join(faults)

    def _axe(self, where: str, size: tuple[int, int], theme: str) -> list[str]:
        faults = self._cut_off(where, size, theme)
        if not self.tab.evaluate("'axe' in window"):
            self.tab.evaluate(AXE_SCRIPT)
        return faults + [f"{where}: {each}" for each in self.tab.evaluate(FIND, RULES)]

    def _cut_off(self, where: str, size: tuple[int, int], theme: str | None = None) -> list[str]:
        self._show(size, theme)
        more = self.tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        faults = [f"{where}: the page scrolls sideways, by {more} pixels"] if more > 0 else []
        return faults + [f"{where}: {each}" for each in self.tab.evaluate(TABLES)]

    def _show(self, size: tuple[int, int], theme: str | None = None) -> None:
        wanted = ViewportSize(width=size[0], height=size[1])
        if self.tab.viewport_size != wanted:
            self.tab.set_viewport_size(wanted)
        if theme is not None:
            self.tab.emulate_media(color_scheme="dark" if theme == "dark" else "light")

    def _hear(self, message: ConsoleMessage) -> None:
        # That the page itself was refused is what some tests are about.
        own = message.location.get("url") == self.tab.url and "status of 4" in message.text
        if message.type in ("error", "warning") and not own:
            self.complaints.append(message.text)

    def _ask(self, request: Request) -> None:
        host = urlsplit(request.url).netloc
        self._host = self._host or host
        # An image of the page's own, such as data:…, is asked of nobody.
        if host not in (self._host, ""):
            self.complaints.append(f"{request.url} was asked for")

    def _miss(self, request: Any) -> None:
        # What a page was still asking for when it was left, such as how an import goes.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")
