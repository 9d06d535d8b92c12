"""A server for browsers, and the browser: both run as long as the tests do."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from packistry.app import make_app
from packistry.jobs.worker import Workers
from packistry.runtime import Runtime
from packistry.settings import Settings
from packistry.web.admin import PAGES
from packistry.web.application import Application
from packistry.web.cookies import SESSION
from packistry.web.http import listen, make_server
from packistry.web.pages import Page
from tests import fresh
from tests.browser.seed import Seeded, seed

CHROMIUM = "/usr/bin/chromium"
# As a test runs it: no sandbox for root, and no talking to the browser's maker.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
    # Other people's pages ask for fonts from elsewhere, and wait for them.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# What pages are asked that are about several rows.
ASKED = dict.fromkeys(("packages-abandon", "packages-remove"), "?package={package}")
DESK, PHONE = (1280, 900), (390, 844)


Fill = Callable[[Runtime], Seeded]


def nothing(_runtime: Runtime) -> Seeded:
    """As a server is at its first start."""
    return Seeded(numbers={}, cookies={})


class Site:
    """The server: its address, and who may be signed in there."""

    def __init__(
        self, runtime: Runtime, application: Application, url: str, seeded: Seeded
    ) -> None:
        self.runtime = runtime
        self.application = application
        self.url = url
        self.seeded = seeded

    def setup_link(self) -> str:
        """The path of the link that the server prints when it has no administrator."""
        with self.runtime.transaction() as services:
            return services.setup.new_link("")

    def path(self, page: Page) -> str:
        """The page's address. KeyError: have `seed` say what its new placeholder stands for."""
        path = page.path + ASKED.get(page.name, "")
        return re.sub(r"{(\w+)[^}]*}", lambda found: str(self._value(found[1])), path)

    def _value(self, name: str) -> Any:
        return self.seeded.numbers[name]

    def context(
        self,
        browser: Browser,
        *,
        role: str = "admin",
        size: tuple[int, int] = DESK,
        theme: str = "light",
        scripts: bool = True,
        policy: bool = True,
    ) -> BrowserContext:
        """A window of somebody; role "" is a stranger. `policy`: it keeps to what pages forbid."""
        context = browser.new_context(
            base_url=self.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            java_script_enabled=scripts,
            bypass_csp=not policy,
        )
        if role:
            cookie = self.seeded.cookies[role]
            context.add_cookies([{"name": SESSION, "value": cookie, "url": self.url}])
        return context


@contextmanager
def serving(folder: Path, fill: Fill = seed, **settings: Any) -> Iterator[Site]:
    """A server on a port of its own, which `fill` puts something into before it runs."""
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    given = {"workers": 0, "allow_hosts": ("127.0.0.1",), **settings}
    folder.mkdir(parents=True, exist_ok=True)
    fresh.put(folder / "data")
    runtime = Runtime(Settings(data_dir=folder / "data", url=url, **given))
    runtime.prepare()
    seeded = fill(runtime)
    application = make_app(runtime)
    workers = Workers(runtime)
    workers.start()
    server = make_server(application, listening, threads=4, max_upload=1024 * 1024)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield Site(runtime, application, url, seeded)
    finally:
        server.close()
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        thread.join(5)
        workers.stop()
        application.close()
        runtime.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=list(ARGUMENTS)
        )
        yield browser
        browser.close()


def shown() -> list[Page]:
    """The pages that somebody who is signed in can look at."""
    strangers = ("login", "setup", "one-time-link", "second-factor", "second-factor-set-up")
    return [page for page in PAGES if page.show and page.template and page.name not in strangers]


def make_token(tab: Any) -> None:
    """Makes a deploy token, and stays where it is shown."""
    tab.goto("/admin/tokens/add")
    tab.fill("#f-name", "ci-invoices")
    tab.check("[name=grant] >> nth=0")
    tab.get_by_role("button", name="Add token").click()
