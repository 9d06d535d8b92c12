"""Nothing that a stranger says runs in a browser, not even one without our policy.

The pages' Content-Security-Policy is switched off: what is left is how they are written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext

from packistry.web.api import CALLS
from packistry.web.api.call import PREFIX
from tests.browser.hostile import ADDRESSES, MARKUP, PRODUCT, infest
from tests.browser.site import Site, serving, shown

CLAIMED = "error", "error_description", "state", "next"
ASKED = "q", "sort", "state", "with", "since", "next", "source", "provider", "part", "days", "page"

WATCH = """
window.ran = [];
window.pwn = what => { window.ran.push(String(what)); window.told(location.href); };
for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = window.pwn;
"""
LOOK = Path(__file__).with_name("hostile.js").read_text()


class Victim:
    """Somebody's tab, in which whatever is run is told of."""

    def __init__(self, context: BrowserContext) -> None:
        self.faults: dict[str, Any] = {}
        self.told: set[str] = set()
        """The paths of pages that showed something hostile."""
        self._path = ""
        context.expose_function("told", lambda where: self._note(f"ran at {where}"))
        context.add_init_script(WATCH)
        self.tab = context.new_page()
        self.tab.on("dialog", self._dismiss)
        self.tab.on("request", self._asked)

    def visit(self, path: str) -> int:
        """The status of the page, which is looked at with all of it open."""
        self._path = path
        answer = self.tab.goto(path)
        assert answer is not None
        self.tab.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
        self.look()
        return answer.status

    def look(self) -> None:
        for fault in self.tab.evaluate(LOOK):
            self._note(fault)
        words = self.tab.inner_text("body")
        if PRODUCT in words:
            self._note("a template was worked out")
        if "pwn(1)" in words:
            self.told.add(self._path)

    def _note(self, fault: str) -> None:
        self.faults.setdefault(self._path, []).append(fault)

    def _dismiss(self, dialog: Any) -> None:
        self._note(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:image/svg+xml")):
            self._note(f"asked for {request.url}")


@contextmanager
def infested(folder: Path, texts: tuple[str, ...]) -> Iterator[Site]:
    with serving(folder, lambda runtime: infest(runtime, texts)) as site:
        yield site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with infested(tmp_path_factory.mktemp("infested"), MARKUP) as site:
        yield site


@pytest.fixture
def victim(browser: Browser, site: Site) -> Iterator[Victim]:
    with site.context(browser, policy=False) as context:
        yield Victim(context)


def test_what_runs_would_be_noticed(victim: Victim) -> None:
    victim.visit("/admin/profile")
    assert victim.faults == {}
    victim.tab.evaluate("document.querySelector('h1').innerHTML = '<img src=x onerror=pwn(1)>'")
    victim.tab.wait_for_function("window.ran.length")
    victim.look()
    assert len(victim.faults["/admin/profile"]) == 3


def test_no_page_runs_what_a_stranger_says(victim: Victim, site: Site) -> None:
    documents = [call.path for call in CALLS if call.method == "GET" and "{" not in call.path]
    _look_at_all(victim, site, *(PREFIX + path for path in documents))


def test_no_page_leads_where_a_stranger_says(browser: Browser, tmp_path: Path) -> None:
    with (
        infested(tmp_path, ADDRESSES) as site,
        site.context(browser, policy=False) as context,
    ):
        _look_at_all(Victim(context), site)


def test_no_page_runs_what_its_address_asks(victim: Victim, site: Site) -> None:
    texts = cycle(MARKUP + ADDRESSES)
    for page in shown():
        path = site.path(page).partition("?")[0]
        query = urlencode({name: next(texts) for name in ASKED})
        assert victim.visit(f"{path}?{query}#{quote(next(texts))}") < 500
    for text in MARKUP[:5]:
        assert victim.visit(f"/admin/{quote(text, safe='')}") == 404
    assert victim.faults == {}


def test_what_scripts_put_into_pages_runs_nothing(victim: Victim) -> None:
    for path in ("/admin/packages", "/admin/members", "/admin/imports"):
        victim.visit(path)
        with victim.tab.expect_response(lambda answer: "q=" in answer.url):
            victim.tab.fill("#q", MARKUP[1])
        victim.tab.wait_for_load_state("networkidle")
        victim.look()
    assert victim.faults == {}


def test_whoever_signs_in_runs_nothing_of_what_a_provider_says(
    browser: Browser, site: Site
) -> None:
    with site.context(browser, role="", policy=False) as context:
        victim = Victim(context)
        texts = MARKUP + ADDRESSES
        for number in range(0, len(texts), 4):
            said = dict(zip(CLAIMED, texts[number:], strict=False))
            auth = site.seeded.numbers["auth"]
            assert victim.visit(f"/auths/{auth}/callback?{urlencode(said)}") < 500
            assert victim.visit(f"/login?{urlencode(said)}") == 200
        assert victim.faults == {}


def _look_at_all(victim: Victim, site: Site, *more: str) -> None:
    paths = [*(site.path(page) for page in shown()), *more]
    statuses = {path: victim.visit(path) for path in paths}
    assert {path: status for path, status in statuses.items() if status != 200} == {}
    assert victim.faults == {}
    # What is hostile is there to be read.
    assert len(victim.told) > len(paths) / 2, sorted(set(paths) - victim.told)
