"""Signing in at a real OpenID provider with a real browser: who gets in, and who does not."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import Page as Tab

from packistry.inputs import NewRepository, NewUser, read
from packistry.inputs.sign_in import AuthenticationSourceChange, NewAuthenticationSource
from packistry.models import AuditEvent, IdentityLink, User
from tests.browser.seed import AUTHOR, PASSWORD
from tests.browser.site import Site, nothing, serving
from tests.openid.server import CLIENT_ID, CLIENT_SECRET, USERS, OpenIDProvider, running

NAME = "Staff accounts"


class Place:
    """A server whose people sign in at a provider."""

    def __init__(self, site: Site, provider: OpenIDProvider, browser: Any) -> None:
        self.site, self.provider, self.browser = site, provider, browser
        with site.runtime.change(AUTHOR) as services:
            services.repositories.add(NewRepository(name="Team A", path="team-a"))
            new = read(
                NewAuthenticationSource,
                name=NAME,
                provider="oidc",
                config={
                    "issuer": provider.issuer,
                    "client_id": CLIENT_ID,
                    "client_secret": CLIENT_SECRET,
                    "scopes": "openid profile email groups",
                },
            )
            self.id = services.authentication_sources.add(new).id
        self.begin()

    def begin(self, **policy: Any) -> None:
        """Nobody is known any more, and the provider is as it was."""
        with self.site.runtime.change(AUTHOR) as services:
            for user in services.session.query(User):
                services.session.delete(user)
            change = {"registration": True, "trusted": False, "allowed_domains": (), "rules": ()}
            services.authentication_sources.edit(
                services.authentication_sources.at(self.id),
                AuthenticationSourceChange(**{**change, **policy}),
            )
        self.configure()

    def configure(self, **settings: Any) -> None:
        url = self.site.url
        self.provider.configure(
            redirect_uris=[f"{url}/auths/{self.id}/callback"],
            logout_uris=[f"{url}/login"],
            **settings,
        )

    def window(self) -> BrowserContext:
        """A browser of its own, that nobody has signed in with."""
        return self.site.context(self.browser, role="")

    def leave(self, tab: Tab, login: str, *, consent: bool = True) -> None:
        """From the sign-in page through the provider's."""
        tab.goto("/login")
        tab.get_by_role("link", name=f"Sign in with {NAME}").click()
        tab.fill("input[name=login]", login)
        tab.fill("input[name=password]", "any")
        tab.get_by_role("button", name="Sign-in").click()
        if consent:
            tab.get_by_role("button", name="Continue").click()
        else:
            tab.get_by_role("link", name="Cancel").click()

    def callback(self, context: BrowserContext, login: str) -> str:
        """The address that somebody is sent back to who began in this window."""
        away = context.request.get(f"/auths/{self.id}/redirect", max_redirects=0)
        answer = self.provider.authorize(away.headers["location"], login)
        return f"/auths/{self.id}/callback?{urlencode(answer)}"

    def refused(self, login: str, **how: Any) -> str:
        """What somebody is told who is not let in."""
        with self.window() as context:
            tab = context.new_page()
            self.leave(tab, login, **how)
            told = tab.get_by_role("alert").inner_text()
            tab.goto("/admin/repositories")
            assert "/login" in tab.url
        return told.removeprefix("Not signed in").strip()

    def users(self) -> list[tuple[str, str | None]]:
        with self.site.runtime.reading() as services:
            return [(user.name, user.email) for user in services.session.query(User)]


@pytest.fixture(scope="module")
def everything(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("sign-in")
    with running() as provider, serving(folder, nothing) as site:
        yield Place(site, provider, browser)


@pytest.fixture
def place(everything: Place) -> Place:
    everything.begin()
    return everything


def test_somebody_registers_gains_a_group_and_loses_it(place):
    place.begin(rules=("groups=devs: read team-a",), single_sign_out=True)
    with place.window() as context:
        tab = context.new_page()
        place.leave(tab, "alice")
        tab.wait_for_url(f"{place.site.url}/")
        assert "Alice" in tab.inner_text(".top")
        tab.get_by_role("link", name="Repositories").first.click()
        tab.get_by_role("link", name="Team A").wait_for()
        # Signed out here, they are there, too.
        tab.get_by_role("button", name="Sign out").click()
        tab.wait_for_url(f"{place.provider.issuer}/**")
        tab.get_by_role("button", name="Yes").click()
        tab.wait_for_url(f"{place.site.url}/login**")
        # They left the group; the provider has new keys, and its clock is half a minute ahead.
        users = {**USERS, "alice": {**USERS["alice"], "groups": ["ops"]}}
        place.configure(users=users, rotate=True, skew=30)
        place.leave(tab, "alice")
        tab.wait_for_url(f"{place.site.url}/")
        tab.goto("/admin/repositories")
        assert "Nothing has been opened to you yet" in tab.inner_text("main")
    assert place.users() == [("Alice", "alice@example.test")]


def test_whoever_is_not_let_in_reads_why(place):
    assert "You did not agree at" in place.refused("alice", consent=False)
    place.begin(registration=False)
    assert "have no account here" in place.refused("alice")
    place.begin(allowed_domains=("example.test",))
    assert "e-mail address at example.test" in place.refused("bob")
    assert "does not say that yours is proven" in place.refused("mallory")
    assert "does not say that yours is proven" in place.refused("noemail")
    assert place.users() == []
    with place.site.runtime.reading() as services:
        notes = [
            event.note
            for event in services.session.query(AuditEvent)
            if event.action == "sign-in.refused"
        ]
    assert len(notes) == 5


def test_nobody_takes_an_account_over_by_its_address(place):
    place.begin(trusted=True)
    with place.site.runtime.change(AUTHOR) as services:
        owner = services.users.add(
            NewUser(email="alice@example.test", name="The owner", password=PASSWORD)
        ).id
    with place.window() as context:
        tab = context.new_page()
        # An address that is not proven counts for nothing: she becomes somebody of her own.
        place.leave(tab, "mallory")
        tab.wait_for_url(f"{place.site.url}/")
        assert "Mallory" in tab.inner_text(".top")
    with place.window() as context:
        tab = context.new_page()
        place.leave(tab, "alice")
        tab.wait_for_url(f"{place.site.url}/")
    with place.site.runtime.reading() as services:
        links = {link.subject: link.user_id for link in services.session.query(IdentityLink)}
    assert links["alice"] == owner
    assert links["mallory"] != owner
    assert sorted(place.users()) == [("Mallory", None), ("The owner", "alice@example.test")]


def test_a_callback_opens_one_browser_once(place):
    with place.window() as mine, place.window() as other:
        tab, thief = mine.new_page(), other.new_page()
        callback = place.callback(mine, "alice")
        for address in (callback, f"/auths/{place.id}/callback?code=made&state=up"):
            thief.goto(address)
            assert "not begun in this browser" in thief.get_by_role("alert").inner_text()
        tab.goto(callback)
        tab.wait_for_url(f"{place.site.url}/")
        tab.goto(callback)
        assert "finished already" in tab.inner_text("main")
        thief.goto("/")
        assert "/login" in thief.url


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"down": True}, f"{NAME} cannot sign anybody in at the moment"),
        ({"skew": 3600}, "issued in the future"),
    ],
    ids=["down", "clock"],
)
def test_a_provider_that_is_away_or_wrong_about_the_time_is_no_fault_of_ours(place, fault, words):
    with place.window() as context:
        tab = context.new_page()
        place.configure(skew=fault.get("skew", 0))
        callback = place.callback(context, "alice")
        place.configure(**fault, keep=True)
        tab.goto(callback)
        assert words in tab.get_by_role("alert").inner_text()
    assert place.users() == []
