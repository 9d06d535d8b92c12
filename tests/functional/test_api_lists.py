"""Every list of the API, with few rows and with many: a list that is added is measured here."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from threading import get_ident
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from packistry.models import (
    AuditEvent,
    AuthenticationSource,
    AutoImport,
    BrowserSession,
    ClaimRule,
    Delivery,
    DeliveryVerdict,
    Dist,
    Grant,
    IdentityLink,
    Package,
    PassedProject,
    Project,
    Repository,
    Requirement,
    Source,
    Sync,
    SyncReason,
    TagPin,
    Token,
    TokenKind,
    User,
    Version,
    VersionKind,
    Via,
)
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.web.api import CALLS
from packistry.web.api.call import Call
from tests.functional.caller import Caller, caller
from tests.functional.conftest import commit

pytestmark = pytest.mark.any_database

FEW, MANY = 3, 60
# What they tell of is no row: settings.
NO_ROWS = frozenset({"settings"})
LISTS = [
    call
    for call in CALLS
    if call.show is not None and str(call.returns).partition("[")[0].endswith(("list", "Paged"))
]


def test_a_list_takes_no_more_statements_when_it_is_longer(runtime, application):
    who = caller(runtime, application, "ada@x.org", admin=True, by="api")
    ids = _first(runtime)
    who.get("/me")
    found = {}
    for size, more in ((FEW, range(FEW)), (MANY, range(FEW, MANY))):
        _add(runtime, ids, more)
        found[size] = {call.name: _asked(runtime, who, call, ids) for call in LISTS}
    short, long = found[FEW], found[MANY]
    still = {name for name in long if long[name][0] < MANY}
    assert still == NO_ROWS, "say in _add how these grow"
    assert {name: told[1] for name, told in long.items()} == {
        name: told[1] for name, told in short.items()
    }


def _asked(runtime: Runtime, who: Caller, call: Call, ids: dict[str, int]) -> tuple[int, int]:
    """(how many rows it told of, by how many statements)."""
    path = call.path.replace("{id}", str(ids.get(call.path.split("/")[1])))
    query = "?size=100" if call.query is not None else ""
    with _statements(runtime) as ran:
        told = who.app.get(f"/api{path}{query}", headers=who.headers).json
    return len(told["data"] if isinstance(told, dict) else told), len(ran)


@contextmanager
def _statements(runtime: Runtime) -> Iterator[list[str]]:
    """What is run for the call: not what a thread writes down meanwhile of tokens in use."""
    ran: list[str] = []
    here = get_ident()

    def note(*arguments: Any) -> None:
        if get_ident() == here:
            ran.append(arguments[2])

    event.listen(runtime.engine, "before_cursor_execute", note)
    yield ran
    event.remove(runtime.engine, "before_cursor_execute", note)


def _first(runtime: Runtime) -> dict[str, int]:
    """A package whose versions, held tags, deliveries and dependents there will be; a source."""
    with runtime.transaction() as services:
        home = Repository(name="Home", path="home")
        project = Project(source=Source(name="Host", provider="git"), external_id="x", path="x")
        package = Package(repository=home, name="acme/lib", project=project)
        services.session.add(package)
        services.session.flush()
        user = services.users.get("ada@x.org")
        return {"packages": package.id, "sources": project.source_id, "users": user.id}


def _add(runtime: Runtime, ids: dict[str, int], numbers: range) -> None:
    """One of everything for each number, with all that is told beside it."""
    with runtime.transaction() as services:
        first = services.session.get_one(Package, ids["packages"])
        for number in numbers:
            services.session.add_all(_packages(services.session, number, first, ids["sources"]))
            services.session.add_all(_people(services.session, number, first, ids["users"]))
            services.session.add(_event())


def _packages(session: Session, number: int, first: Package, source_id: int) -> Iterator[Any]:
    source = Source(name=f"S{number}", provider="git")
    project = Project(source=source, external_id="1", path=f"acme/p{number}", unreachable="Gone.")
    home = Repository(name=f"R{number}", path=f"r{number}")
    yield AutoImport(source=source, repository=home, patterns=["*"])
    yield PassedProject(
        source_id=source_id,
        repository_id=first.repository_id,
        external_id=f"{number}",
        path=f"acme/q{number}",
        reason="It is none.",
    )
    package = Package(repository=home, name=f"acme/p{number}", project=project)
    session.add(package)
    session.flush()
    yield Requirement(package_id=package.id, name="acme/lib", allows="^1")
    for about in (package, first):
        dist = Dist(package=about, reference=commit(f"{number}"), sha1="0" * 40, storage_key="x")
        yield Version(
            package=about,
            name=f"1.{number}",
            normalized=f"1.{number}.0.0",
            stability="stable",
            kind=VersionKind.TAG,
            reference=commit(f"{number}"),
            committed_at=now(),
            manifest={},
            dist=dist,
        )
        yield TagPin(
            repository=about.repository,
            package=about.name,
            identity=f"1.{number}.0.0",
            version=f"1.{number}",
            reference=commit("held"),
            held_reference=commit("moved"),
            held_at=now(),
        )
        sync = Sync(project=about.project, reason=SyncReason.MANUAL, finished_at=now())
        verdict = DeliveryVerdict.ACCEPTED
        yield Delivery(source=source, project=about.project, verdict=verdict, sync=sync)


def _people(session: Session, number: int, first: Package, owner: int) -> Iterator[Any]:
    user = User(email=f"u{number}@x.org", name=f"U{number}")
    session.add(user)
    session.flush()
    home = Repository(name=f"Q{number}", path=f"q{number}")
    rights: tuple[dict[str, Any], ...] = ({"repository": home}, {"package": first})
    yield from (Grant(user_id=user.id, can_read=True, **what) for what in rights)
    yield Grant(user_id=user.id, can_manage=True, repository=home)
    yield Token(
        kind=TokenKind.DEPLOY,
        name=f"D{number}",
        hash=sha256(f"d{number}".encode()).hexdigest(),
        grants=[Grant(can_read=True, **what) for what in rights],
    )
    yield Token(
        kind=TokenKind.PERSONAL,
        name=f"P{number}",
        hash=sha256(f"p{number}".encode()).hexdigest(),
        user_id=owner,
    )
    yield BrowserSession(
        hash=sha256(f"s{number}".encode()).hexdigest(),
        user_id=owner,
        expires_at=now() + timedelta(days=1),
    )
    place = AuthenticationSource(name=f"A{number}", provider="gitlab")
    place.rules = [ClaimRule(can_read=True, **what) for what in rights]
    yield IdentityLink(source=place, user=user, subject=f"{number}")


def _event() -> AuditEvent:
    return AuditEvent(
        via=Via.CLI, actor="somebody", action="repository.added", kind="repository", target="x"
    )
