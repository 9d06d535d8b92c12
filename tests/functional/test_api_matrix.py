"""Every call of the API, in every role, by every kind of credential.

A call that is added is looked at here without being named; one of a new noun needs a row.
"""

import re
from typing import Any

import pytest

from packistry.inputs import NewRepository, NewUser
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
    User,
    Version,
    VersionKind,
    Via,
)
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.access import Permission
from packistry.services.grants import Rights
from packistry.web.api import CALLS
from packistry.web.api.call import READING, Call
from tests.functional.caller import Caller, caller

pytestmark = pytest.mark.any_database

CREDENTIALS = ("session", "api", "composer")
ROLES = ("nobody", "reader", "other maintainer", "maintainer", "admin")
KNOWS = frozenset({"reader", "maintainer", "admin"})
# Whoever may read the repository knows of these.
ABOUT_A_REPOSITORY = frozenset({"repositories", "packages", "syncs", "bulk-imports"})
ALLOWED: dict[Permission, frozenset[str]] = {
    Permission.OPEN: frozenset(ROLES),
    Permission.PERSON: frozenset(ROLES),
    Permission.READ: KNOWS,
    Permission.MAINTAIN: frozenset({"maintainer", "admin"}),
    Permission.ADMINISTER: frozenset({"admin"}),
}
# Refused by every call that reads a body, and so without effect.
UNKNOWN = {"no such field": 1}


class Place:
    """One of everything, and a person for each role."""

    def __init__(self, runtime: Runtime, number: int) -> None:
        self.runtime = runtime
        self._number = number
        with runtime.transaction() as services:
            home = services.repositories.add(
                NewRepository(name=f"Home {number}", path=f"home-{number}")
            )
            away = services.repositories.add(
                NewRepository(name=f"Away {number}", path=f"away-{number}")
            )
            source = Source(name=f"Host {number}", provider="git")
            project = Project(source=source, external_id="7", path="acme/lib")
            package = Package(repository=home, name="acme/lib", project=project)
            services.session.add_all([package, source])
            sync = Sync(project=project, reason=SyncReason.MANUAL)
            place = AuthenticationSource(
                name=f"Place {number}", provider="gitlab", config={"url": "https://host.invalid"}
            )
            version = Version(
                package=package,
                name="1.0.0",
                normalized="1.0.0.0",
                stability="stable",
                kind=VersionKind.TAG,
                reference="a" * 40,
                committed_at=now(),
                manifest={},
            )
            verdict = DeliveryVerdict.ACCEPTED
            delivery = Delivery(source=source, project=project, verdict=verdict)
            bulk = BulkImport(source=source, repository=home, via=Via.API, patterns=["*"])
            services.session.add_all([sync, place, version, delivery, bulk])
            services.session.flush()
            token, _ = services.tokens.add(TokenKind.DEPLOY, "ci")
            services.grants.grant(token, home, Rights(read=True))
            admitted = services.users.add(NewUser(email=f"new-{number}@x.org", name="New"))
            owner = User(email=self.email("maintainer"), name="Jo")
            services.session.add(owner)
            own, _ = services.tokens.add(TokenKind.PERSONAL, "laptop", user=owner)
            their, _ = services.tokens.add(TokenKind.PERSONAL, "desk", user=admitted)
            services.sessions.begin(admitted, address="192.0.2.8", agent="Test")
            self.ids = {
                "repositories": home.id,
                "users": admitted.id,
                "sources": source.id,
                "syncs": sync.id,
                "packages": package.id,
                "version": version.id,
                "delivery": delivery.id,
                "bulk-imports": bulk.id,
                "authentication-sources": place.id,
                "personal-tokens": own.id,
                "token": their.id,
                "session": services.sessions.of(admitted)[0].id,
                "deploy-tokens": token.id,
            }
            self.grants = {
                "reader": (home.id, Rights(read=True)),
                "other maintainer": (away.id, Rights(manage=True)),
                "maintainer": (home.id, Rights(manage=True)),
            }

    def callers(self, application: Any, role: str) -> dict[str, Caller]:
        """The person of this role, by each kind of credential."""
        email = self.email(role)
        admin = role == "admin"
        made = {
            by: caller(self.runtime, application, email, admin=admin, by=by) for by in CREDENTIALS
        }
        if role in self.grants:
            repository_id, rights = self.grants[role]
            with self.runtime.transaction() as services:
                user = services.users.get(email)
                services.grants.grant(user, services.repositories.at(repository_id), rights)
        return made

    def email(self, role: str) -> str:
        return f"{role.replace(' ', '.')}-{self._number}@x.org"

    def path(self, call: Call) -> str:
        """The call's address here. KeyError, 404: say above what its row is."""
        noun = call.path.split("/")[1]
        names = {**self.ids, "id": self.ids.get(noun, 0)}
        return re.sub(r"{(\w+)}", lambda found: str(names[found[1]]), call.path)


def outcome(status: int) -> str:
    """Whether somebody got past the check: what they sent may still be refused as input."""
    return {401: "unknown", 403: "forbidden", 404: "hidden"}.get(status, "allowed")


def expected(call: Call, role: str, by: str) -> str:
    if by == "composer":
        return "unknown"
    noun = call.path.split("/")[1]
    if noun == "personal-tokens" and "{id}" in call.path:
        # They are nobody's but their owner's.
        return "allowed" if role == "maintainer" else "hidden"
    if "{session}" in call.path:
        return "hidden"
    allowed = ALLOWED[call.permission]
    knows = KNOWS if noun in ABOUT_A_REPOSITORY else allowed
    # Who maintains any repository may import from every source.
    if call.permission is Permission.MAINTAIN and (call.target is None or noun == "sources"):
        allowed |= {"other maintainer"}
    if role in allowed:
        return "allowed"
    return "hidden" if call.target is not None and role not in knows else "forbidden"


def test_a_call_lets_in_whom_its_permission_names(runtime, application):
    found, wanted = {}, {}
    place, number = Place(runtime, 0), 0
    people = {role: place.callers(application, role) for role in ROLES}
    for call in CALLS:
        # Who is let in may change something by a call without a body: others start afresh.
        harmless = call.body is not None or call.show is not None
        for role in ROLES:
            for by in CREDENTIALS:
                key = (call.name, role, by)
                answer = people[role][by].send(call.method, place.path(call), UNKNOWN)
                found[key], wanted[key] = outcome(answer.status_int), expected(call, role, by)
                if not harmless and found[key] == "allowed":
                    number += 1
                    place = Place(runtime, number)
                    people = {role: place.callers(application, role) for role in ROLES}
    assert found == wanted


def test_strangers_and_sessions_without_their_csrf_token_change_nothing(runtime, application):
    place = Place(runtime, 0)
    stranger = Caller(application)
    forged = place.callers(application, "admin")["session"]
    forged.headers.clear()
    found, wanted = {}, {}
    for call in CALLS:
        path = place.path(call)
        is_open = call.permission is Permission.OPEN
        found[call.name] = outcome(stranger.send(call.method, path, UNKNOWN).status_int)
        wanted[call.name] = "allowed" if is_open else "unknown"
        if call.method not in READING:
            found[f"{call.name} forged"] = outcome(
                forged.send(call.method, path, UNKNOWN).status_int
            )
            wanted[f"{call.name} forged"] = "forbidden"
    assert found == wanted


def test_whoever_comes_from_another_site_is_refused(runtime, application):
    who = caller(runtime, application, "ada@x.org", admin=True)
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        who.send("POST", "/repositories", {"name": "X"}, status=403, **headers)
        who.send("POST", "/login", {"email": "x", "password": "y"}, status=403, **headers)


@pytest.mark.parametrize("path", ["/nothing", "/repositories/0x1", "/repositories/9999999999", ""])
def test_what_is_not_there_says_so_in_json(application, path):
    answer = Caller(application).app.get(f"/api{path}", expect_errors=True)
    assert (answer.status_int, answer.content_type) == (404, "application/json")


def test_another_method_is_405_and_names_those_there_are(application):
    answer = Caller(application).send("OPTIONS", "/repositories")
    assert (answer.status_int, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
