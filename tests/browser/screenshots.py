"""Pictures of every page, for people to look at: script/screenshots."""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page as Tab

from tests.browser.site import DESK, PHONE, Site, chromium, make_token, nothing, serving, shown

FOLDER = Path(__file__).parents[2] / "screenshots"
LOOKS = (("", DESK, "light"), ("-dark", DESK, "dark"), ("-phone", PHONE, "light"))


def main(only: list[str]) -> None:
    """All of them, or those whose names begin with one of the words given."""
    if not only:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        with serving(Path(folder) / "full") as site:
            for suffix, size, theme in LOOKS:
                with site.context(browser, size=size, theme=theme) as context:
                    tab = context.new_page()
                    for page in shown():
                        _take(tab, site.path(page), page.name + suffix, only)
                with site.context(browser, role="", size=size, theme=theme) as context:
                    tab = context.new_page()
                    _take(tab, "/login", "login" + suffix, only)
            _others(site, browser, only)
        with serving(Path(folder) / "empty", nothing) as site:
            _empty(site, browser, only)


def _others(site: Site, browser, only: list[str]) -> None:
    for suffix, size, theme in LOOKS:
        with site.context(browser, size=size, theme=theme) as context:
            tab = context.new_page()
            make_token(tab)
            _shoot(tab, "token-made" + suffix, only)
            tab.goto("/admin/settings")
            tab.get_by_role("button", name="Examine now").click()
            _shoot(tab, "settings-examined" + suffix, only)
    with site.context(browser, role="user") as context:
        _take(context.new_page(), "/", "overview-user", only)
    with site.context(browser, role="nobody") as context:
        _take(context.new_page(), "/", "overview-nobody", only)


def _empty(site: Site, browser, only: list[str]) -> None:
    with site.context(browser, role="") as context:
        tab = context.new_page()
        _take(tab, site.setup_link(), "setup", only)
        tab.goto(site.setup_link())
        tab.fill("#f-name", "Ines Calder")
        tab.fill("#f-email", "ines@acme.example")
        tab.fill("#f-password", "short")
        tab.click("text=Become the administrator")
        _shoot(tab, "setup-refused", only)
        tab.fill("#f-password", "seven red umbrellas")
        tab.click("text=Become the administrator")
        _shoot(tab, "overview-empty", only)
        tab.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        _shoot(tab, "overview-empty-phone", only)


def _take(tab: Tab, path: str, name: str, only: list[str]) -> None:
    if only and not any(name.startswith(word) for word in only):
        return
    answer = tab.goto(path)
    assert answer is not None
    assert answer.ok, f"{path} answered {answer.status}"
    _shoot(tab, name, only)


def _shoot(tab: Tab, name: str, only: list[str]) -> None:
    if only and not any(name.startswith(word) for word in only):
        return
    tab.screenshot(path=FOLDER / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main(sys.argv[1:])
