"""Pictures of every page, for people to look at: script/screenshots."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from packistry.web.pages import Page
from tests.browser.seed import PASSWORD
from tests.browser.site import DESK, PHONE, Site, chromium, make_token, nothing, serving, shown

FOLDER = Path(__file__).parents[2] / "screenshots"
Look = tuple[str, tuple[int, int], str]
LOOKS: tuple[Look, ...] = (
    ("", DESK, "light"),
    ("-dark", DESK, "dark"),
    ("-phone", PHONE, "light"),
    ("-phone-dark", PHONE, "dark"),
)


def main(only: list[str]) -> None:
    """All of them, or those whose names begin with one of the words given."""
    if not only:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        with serving(Path(folder) / "full") as site:
            for look in LOOKS:
                _life(Camera(site, browser, look, only))
        # Whoever sets a server up does so once.
        for number, look in enumerate(LOOKS):
            place = Path(folder) / f"empty-{number}"
            with serving(place, nothing, second_factor_roles=("user",)) as site:
                _beginning(Camera(site, browser, look, only))


class Camera:
    """Takes pictures in one look, of whatever is wanted."""

    def __init__(self, site: Site, browser: Browser, look: Look, only: list[str]) -> None:
        self.site = site
        self.browser = browser
        self.suffix, self.size, self.theme = look
        self.only = tuple(only) or ("",)

    def take(
        self, tab: Tab, name: str, go: str | Callable[[Tab], object], status: int = 200
    ) -> None:
        """Of an address, or of where `go` leads."""
        if not name.startswith(self.only):
            return
        if isinstance(go, str):
            answer = tab.goto(go)
            assert answer is not None
            assert answer.status == status, f"{go} answered {answer.status}"
        else:
            go(tab)
        tab.screenshot(path=FOLDER / f"{name}{self.suffix}.png", full_page=True)

    def tab(self, role: str = "admin") -> Tab:
        """A window of somebody."""
        context = self.site.context(self.browser, role=role, size=self.size, theme=self.theme)
        return context.new_page()


def _life(camera: Camera) -> None:
    """Pages of a server in the middle of its life."""
    tab = camera.tab()
    for page in shown():
        camera.take(tab, page.name, camera.site.path(page))
    camera.take(tab, "token-made", make_token)
    camera.take(tab, "settings-examined", _examine)
    camera.take(tab, "packages-picked", _pick)
    camera.take(tab, "packages-none", "/admin/packages?q=nothing")
    camera.take(tab, "token-add-refused", _refuse)
    camera.take(tab, "everything-found", "/admin/search?q=acme")
    camera.take(tab, "missing", "/admin/packages/99999", 404)
    if camera.suffix.startswith("-phone"):
        camera.take(tab, "menu", _open_menu)
    camera.take(camera.tab("user"), "overview-user", "/")
    camera.take(camera.tab("user"), "package-user", camera.site.path(_named("package")))
    camera.take(camera.tab("nobody"), "overview-nobody", "/")
    stranger = camera.tab("")
    camera.take(stranger, "login", "/login")
    camera.take(stranger, "second-factor", _sign_in)


def _beginning(camera: Camera) -> None:
    """Pages of a server that nobody has set up."""
    if not any(name.startswith(camera.only) for name in ("setup", "overview-empty", "invited")):
        return
    tab = camera.tab("")
    link = camera.site.setup_link()
    camera.take(tab, "setup", link)
    tab.goto(link)
    _fill(tab, name="Ines Calder", email="ines@acme.example", password="short")
    camera.take(tab, "setup-refused", lambda tab: tab.click("text=Become the administrator"))
    _fill(tab, name="Ines Calder", email="ines@acme.example", password=PASSWORD)
    tab.click("text=Become the administrator")
    camera.take(tab, "overview-empty", "/")
    for page in ("packages", "repositories", "sources", "imports", "tokens", "audit"):
        camera.take(tab, f"{page}-empty", f"/admin/{page}")
    tab.goto("/admin/members/add")
    _fill(tab, name="Kim", email="kim@acme.example")
    tab.click("main form .primary")
    tab.click("text=Make a link")
    camera.take(tab, "invited", lambda tab: tab.click("main form .primary"))
    invitation = tab.inner_text(".copy code")
    stranger = camera.tab("")
    camera.take(stranger, "invited-link", invitation)
    stranger.goto(invitation)
    _fill(stranger, password=PASSWORD)
    stranger.click("main form .primary")
    _fill(stranger, email="kim@acme.example", password=PASSWORD)
    camera.take(stranger, "invited-set-up", lambda tab: tab.click("main form .primary"))


def _named(name: str) -> Page:
    return next(page for page in shown() if page.name == name)


def _fill(tab: Tab, **values: str) -> None:
    for name, value in values.items():
        tab.fill(f"main #f-{name}", value)


def _examine(tab: Tab) -> None:
    tab.goto("/admin/settings")
    tab.get_by_role("button", name="Examine now").click()


def _pick(tab: Tab) -> None:
    tab.goto("/admin/packages")
    tab.check(".pick >> nth=1")
    tab.check(".pick >> nth=2")


def _refuse(tab: Tab) -> None:
    tab.goto("/admin/tokens/add")
    tab.fill("#f-name", " ")
    tab.get_by_role("button", name="Add token").click()


def _open_menu(tab: Tab) -> None:
    tab.goto("/admin/packages")
    tab.click("text=Menu")


def _sign_in(tab: Tab) -> None:
    tab.goto("/login")
    _fill(tab, email="ines@acme.example", password=PASSWORD)
    tab.click("main form .primary")


if __name__ == "__main__":
    main(sys.argv[1:])
