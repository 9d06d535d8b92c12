"""Somebody who walks through the pages, and a server stocked with what they look for."""

from dataclasses import dataclass
from typing import Self

from playwright.sync_api import Browser, Locator
from pydantic import SecretStr

from packistry import jobs
from packistry.inputs import NewPackage, NewRepository, NewSource, NewUser
from packistry.models import Role
from packistry.runtime import Runtime
from tests.browser.seed import PASSWORD, Seeded
from tests.browser.site import DESK, PHONE, Fill, Site
from tests.browser.watched import Watched
from tests.client.git_server import GitServer

ADMIN = "ada@acme.example"
STOCK = (("money", "", False), ("ledger", "open", True), ("secret", "partners", False))
"""A package of acme's, the path of the repository it is in, and whether that is public."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """How somebody looks at the pages."""

    name: str
    size: tuple[int, int]
    theme: str
    scripts: bool


WAYS = (
    Way(name="desk", size=DESK, theme="light", scripts=True),
    Way(name="phone-without-scripts", size=PHONE, theme="dark", scripts=False),
)


PROJECTS = (*(name for name, _, _ in STOCK), *(way.name for way in WAYS))


class Walker:
    """Somebody's tab. Without scripts they read what scripts would copy, and load pages again."""

    def __init__(self, site: Site, browser: Browser, way: Way, role: str = "") -> None:
        self.way = way
        self.context = site.context(
            browser, role=role, size=way.size, theme=way.theme, scripts=way.scripts
        )
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.watched = Watched(self.context, size=way.size, theme=way.theme)
        self.tab = self.watched.tab
        self.go = self.watched.look_at

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def check(self) -> None:
        """The page is sound."""
        if self.way.scripts:
            self.watched.check()
        else:
            self.watched.heard_nothing()

    def fill(self, name: str, value: str) -> None:
        # A password field has no role.
        field = self.tab.locator("main").get_by_label(name)
        field.and_(self.tab.locator("input, textarea")).first.fill(value)

    def press(self, name: str) -> None:
        self.tab.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.tab.locator("main").get_by_role("link", name=name, exact=True).first.click()

    def menu(self, name: str) -> None:
        """By the navigation, which a phone has to open."""
        if self.way.size == PHONE:
            self.press("Menu")
        self.tab.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()

    def sign_in(self, email: str) -> None:
        self.fill("E-mail", email)
        self.fill("Password", PASSWORD)
        self.press("Sign in")

    def copied(self, label: str) -> str:
        """What the button puts into the clipboard, or what stands beside where it would be."""
        block = self.tab.locator(f'.copy:has(button[aria-label="{label}"])')
        if not self.way.scripts:
            return block.locator("code").inner_text()
        block.get_by_role("button").click()
        block.get_by_text("Copied").wait_for()
        return str(self.tab.evaluate("navigator.clipboard.readText()"))

    def seen(self, words: str) -> Locator:
        """These words, once they are there."""
        found = self.tab.locator("main").get_by_text(words).first
        if self.way.scripts:
            found.wait_for()
            return found
        for _ in range(200):
            if found.is_visible():
                return found
            self.tab.reload()
        raise AssertionError(f"{words!r} never came:\n{self.tab.inner_text('main')}")


def stock(host: GitServer) -> Fill:
    """Fills a server with packages of the host, and somebody who looks after them."""

    def fill(runtime: Runtime) -> Seeded:
        with runtime.transaction() as services:
            new = NewUser(name="Ada", email=ADMIN, role=Role.ADMIN, password=SecretStr(PASSWORD))
            ada = services.users.add(new)
            cookie = services.sessions.begin(ada, address="192.0.2.18", agent="Firefox")
            source = services.sources.add(NewSource(name="Acme Git", provider="git"))
            provider = runtime.provider(source)
            syncs = []
            for name, path, public in STOCK:
                place = NewRepository(name=path.title() or "Main", path=path, public=public)
                repository = services.repositories.add(place)
                project = provider.project(host.url(f"acme/{name}"))
                added = services.packages.add(repository, source, [project], NewPackage())
                syncs += [sync.id for _, sync in added]
        for number in syncs:
            assert jobs.run(runtime, "sync", number)
        return Seeded(numbers={}, cookies={"admin": cookie})

    return fill
