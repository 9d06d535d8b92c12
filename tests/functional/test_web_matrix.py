"""Every page, in every role: a page that is added is looked at here without being named."""

import re
from typing import Any

import pytest
from webtest import TestResponse

from packistry.inputs import NewRepository
from packistry.models import (
    AuthenticationSource,
    BulkImport,
    Delivery,
    DeliveryVerdict,
    Package,
    Project,
    Source,
    Sync,
    SyncReason,
    TokenKind,
    Version,
    VersionKind,
    Via,
)
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.access import Permission
from packistry.services.grants import Rights
from packistry.web.admin import PAGES
from packistry.web.cookies import SESSION
from packistry.web.pages import Page
from packistry.web.routes import ELSEWHERE, IN_A_REPOSITORY
from tests.functional.browser import Browser, person

pytestmark = pytest.mark.any_database

ROLES = ("stranger", "nobody", "reader", "other maintainer", "maintainer", "admin")
SIGNED_IN = frozenset(ROLES[1:])

# Who is let in, by what a page needs; with a row at hand, who may at least know of it.
ALLOWED: dict[Permission, frozenset[str]] = {
    Permission.OPEN: frozenset(ROLES),
    Permission.PERSON: SIGNED_IN,
    Permission.READ: frozenset({"reader", "maintainer", "admin"}),
    Permission.MAINTAIN: frozenset({"maintainer", "admin"}),
    Permission.ADMINISTER: frozenset({"admin"}),
}
READERS = frozenset({"reader", "maintainer", "admin"})
KNOWS = {
    "repository": READERS,
    "package": READERS,
    "sync": READERS,
    "bulk": READERS,
    "token": frozenset({"maintainer", "admin"}),
    # Whoever may import from it.
    "source": frozenset({"other maintainer", "maintainer", "admin"}),
}


class Place:
    """An installation with one of everything, and a person for each role."""

    def __init__(self, runtime: Runtime, application: Any, number: int) -> None:
        self.runtime = runtime
        with runtime.transaction() as services:
            home, away = (
                services.repositories.add(NewRepository(name=f"{name} {number}", path=path))
                for name, path in (("Home", f"home-{number}"), ("Away", f"away-{number}"))
            )
            package = Package(repository=home, name="acme/lib")
            source = Source(name=f"Host {number}", provider="git")
            auth = AuthenticationSource(name=f"SSO {number}", provider="nowhere", icon="<svg/>")
            project = Project(source=source, external_id="lib", path="acme/lib")
            package.project = project
            sync = Sync(project=project, reason=SyncReason.ADDED)
            version = Version(
                package=package,
                name="v1.0",
                normalized="1.0.0.0",
                stability="stable",
                kind=VersionKind.TAG,
                ref="v1.0",
                reference="a" * 40,
                committed_at=now(),
                manifest={},
            )
            verdict = DeliveryVerdict.ACCEPTED
            delivery = Delivery(source=source, project=project, verdict=verdict)
            services.session.add_all([package, source, sync, version, auth, delivery])
            services.session.flush()
            bulk = BulkImport(source=source, repository=home, via=Via.WEB, patterns=["*"])
            services.session.add(bulk)
            services.session.flush()
            token, _ = services.tokens.add(TokenKind.DEPLOY, "ci")
            services.grants.grant(token, home, Rights(read=True))
            self.numbers = {
                "repository": home.id,
                "package": package.id,
                "source": source.id,
                "auth": auth.id,
                "token": token.id,
                "sync": sync.id,
                "version": version.id,
                "delivery": delivery.id,
                "bulk": bulk.id,
            }
            away_id = away.id
        self.people = {"stranger": Browser(application)}
        for role in ROLES[1:]:
            email = f"{role.replace(' ', '.')}-{number}@x.org"
            self.people[role] = person(runtime, application, email, admin=role == "admin")
        self._grant("reader", self.numbers["repository"], Rights(read=True))
        self._grant("other maintainer", away_id, Rights(manage=True))
        self._grant("maintainer", self.numbers["repository"], Rights(manage=True))
        self.numbers["user"] = self.people["nobody"].user_id or 0

    def path(self, page: Page) -> str:
        """The page's address here. KeyError: say above what its new placeholder stands for."""
        return re.sub(r"{(\w+)[^}]*}", lambda found: str(self.numbers[found[1]]), page.path)

    def _grant(self, role: str, repository_id: int, rights: Rights) -> None:
        with self.runtime.transaction() as services:
            user = services.users.at(self.people[role].user_id or 0)
            services.grants.grant(user, services.repositories.at(repository_id), rights)


def outcome(response: TestResponse) -> str:
    """Whether somebody got past the check: what they sent may still be refused as input."""
    if response.status_int == 303 and response.headers["Location"].startswith("/login"):
        return "sign in"
    return {403: "forbidden", 404: "hidden"}.get(response.status_int, "allowed")


def expected(page: Page, role: str) -> str:
    allowed = ALLOWED[page.permission]
    if page.permission is Permission.MAINTAIN and page.target is None:
        allowed |= {"other maintainer"}
    if role in allowed:
        return "allowed"
    if role == "stranger":
        return "sign in"
    if page.target is None:
        return "forbidden"
    row = re.search(r"{(\w+)", page.path)
    knows = KNOWS.get(row[1], frozenset({"admin"})) if row else READERS
    return "forbidden" if role in knows else "hidden"


# Whoever has no link is told that it is over; sign-out goes to the sign-in page.
# Nobody gets by a source whose plugin is not there.
EXCEPTIONS = {
    "setup": "hidden",
    "one-time-link": "hidden",
    "logout": "sign in",
    "second-factor": "sign in",
    "second-factor-set-up": "sign in",
    "sign-in-begin": "forbidden",
    "sign-in-end": "forbidden",
    "sign-in-begin-api": "forbidden",
    "sign-in-end-api": "forbidden",
}


def test_a_page_lets_in_whom_its_permission_names(runtime: Runtime, application: Any) -> None:
    found, wanted = {}, {}
    place, number = Place(runtime, application, 0), 0
    for page in PAGES:
        # The administrator's request comes last: it may remove what the others were shown.
        for role in ROLES:
            for method in ("GET", "POST"):
                if not answers(page, method):
                    continue
                response = ask(place.people[role], method, place.path(page))
                found[page.name, role, method] = outcome(response)
                wanted[page.name, role, method] = EXCEPTIONS.get(page.name) or expected(page, role)
                if (response.status_int == 303 and outcome(response) == "allowed") or page.act:
                    # Something may have been done: the next ones start afresh.
                    number += 1
                    place = Place(runtime, application, number)
    assert found == wanted


def answers(page: Page, method: str) -> bool:
    reads = page.show is not None or page.act is not None
    return reads if method == "GET" else page.submit is not None


def ask(browser: Browser, method: str, path: str) -> TestResponse:
    if method == "GET":
        return browser.get(path, status="*")
    if SESSION not in browser.app.cookies:
        # Strangers have a cookie, too, once they have been shown a page.
        browser.get("/login")
    return browser.post(path, status="*")


def test_every_other_address_says_who_decides_about_it() -> None:
    for route in (*IN_A_REPOSITORY, *ELSEWHERE):
        assert route.permission in (Permission.TOKEN, Permission.OPEN), route.name


def test_pages_have_first_words_that_are_never_a_vendors() -> None:
    from packistry.composer.names import RESERVED_VENDORS

    words = {page.path.split("/")[1] for page in PAGES} - {""}
    assert words <= RESERVED_VENDORS


def test_pages_that_change_something_about_a_row_find_it_for_the_check() -> None:
    for page in PAGES:
        if "{" in page.path and page.permission is not Permission.OPEN:
            assert page.target is not None or page.permission is Permission.PERSON, page.name
