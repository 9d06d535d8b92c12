"""An installation in the middle of its life: what the pages of the web admin are looked at with."""

import time
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from pydantic import SecretStr

from packistry.inputs import NewRepository, NewSource, NewUser, RepositoryChange, SourceChange
from packistry.inputs.sign_in import NewAuthenticationSource
from packistry.models import (
    BulkImport,
    BulkImportProject,
    IdentityLink,
    Package,
    Role,
    Source,
    Sync,
    TokenKind,
    User,
    Version,
    Via,
)
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.services.access import ANONYMOUS, SYSTEM
from packistry.services.audit import Author
from packistry.services.grants import Rights
from packistry.services.sessions import actor_of
from tests.browser.seed_packages import add_packages
from tests.telephone import code

AUTHOR = Author(actor=SYSTEM, via=Via.CLI)
PASSWORD = "seven red umbrellas"


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """What placeholders in the paths of pages stand for, and the cookies of people by role."""

    numbers: dict[str, Any]
    cookies: dict[str, str]


def seed(runtime: Runtime) -> Seeded:
    """Fills an empty installation."""
    random = Random(7)
    with runtime.change(AUTHOR) as services:
        numbers = _places(services)
        people = _people(services)
    with runtime.transaction() as services:
        add_packages(services, random)
        _tokens(services)
        home = services.repositories.get("")
        reader = services.users.get("tomasz@acme.example")
        services.grants.grant(reader, home, Rights(read=True))
        services.grants.grant(services.users.get("priya@acme.example"), home, Rights(manage=True))
        package = services.packages.get("acme/billing-client")
        sync = services.session.query(Sync).order_by(Sync.id).first()
        assert sync is not None
        numbers |= {"package": package.id, "sync": sync.id, "import": sync.id}
        numbers["user"] = reader.id
        numbers["auth"] = _sign_in(services)
        version = services.session.query(Version).filter_by(package_id=package.id).first()
        assert version is not None
        numbers["version"] = version.id
        numbers["bulk"] = _bulk_import(services, sync.project.source)
        cookies = {
            role: services.sessions.begin(
                services.users.get(email), address="192.0.2.18", agent="Firefox"
            )
            for role, email in people.items()
        }
        numbers["session"] = services.sessions.of(services.users.get(people["admin"]))[0].id
    _changes(runtime, people["admin"])
    return Seeded(numbers=numbers, cookies=cookies)


def _changes(runtime: Runtime, email: str) -> None:
    with runtime.reading() as services:
        actor = actor_of(services.users.get(email))
    with runtime.change(Author(actor=actor, via=Via.WEB, address="192.0.2.18")) as services:
        change = RepositoryChange(description="For agencies.", reserved_vendors=("acme",))
        services.repositories.edit(services.repositories.get("partners"), change)
        services.audit.note(
            "sign-in.refused",
            name="tomasz@wrona.example",
            actor=ANONYMOUS,
            note="This e-mail address and password do not belong together.",
        )


def _bulk_import(services: Services, source: Source) -> int:
    """One that is almost over; its id."""
    packages = services.session.query(Package).order_by(Package.id).limit(3).all()
    row = BulkImport(
        source=source,
        repository=services.repositories.get(""),
        via=Via.WEB,
        patterns=["acme/*"],
        found=214,
        left_out={"fit no pattern": 171, "are here already": 31, "are archived": 8},
    )
    services.session.add(row)
    services.session.flush()
    for number, package in enumerate([*packages, None]):
        services.session.add(
            BulkImportProject(
                bulk_import_id=row.id,
                external_id=str(number),
                path=package.name if package and package.name else "acme/handbook",
                package_id=package.id if package else None,
            )
        )
    services.session.flush()
    return row.id


def _sign_in(services: Services) -> int:
    """A Keycloak that people sign in at, one of them already; its id."""
    keycloak = services.authentication_sources.add(
        NewAuthenticationSource(
            name="Acme accounts",
            provider="keycloak",
            config={
                "url": "https://id.acme.example",
                "realm": "staff",
                "client_id": "packistry",
                "client_secret": "only-for-pictures",
            },
            registration=True,
            allowed_domains=("acme.example",),
            rules=("groups=developers: read /", "groups=platform: admin"),
        )
    )
    tomasz = services.users.get("tomasz@acme.example")
    link = IdentityLink(
        source=keycloak, user=tomasz, subject="5e1c", email=tomasz.email or "", used_at=now()
    )
    services.session.add(link)
    services.authentication_sources.draft("GitLab", "gitlab")
    return keycloak.id


def _places(services: Services) -> dict[str, Any]:
    home = services.repositories.add(
        NewRepository(
            name="Internal",
            description="What our own teams build on.",
            reserved_vendors=("acme",),
        )
    )
    services.repositories.add(
        NewRepository(name="Partners", path="partners", description="For agencies and clients.")
    )
    services.repositories.add(NewRepository(name="Open source", path="open", public=True))
    source = Source(name="Acme Git", provider="git", config={"url": "https://git.acme.example"})
    services.session.add(source)
    gitlab = services.sources.add(
        NewSource(
            name="Acme GitLab",
            provider="gitlab",
            config={"url": "https://gitlab.acme.example", "token": "only-for-pictures"},
        )
    )
    signed = SecretStr("seven green umbrellas")
    services.sources.edit(gitlab, SourceChange(webhook_secret=signed))
    token, _ = services.tokens.add(
        TokenKind.DEPLOY, "ci-billing", expires_at=now() + timedelta(days=3)
    )
    token.last_used_at = now() - timedelta(minutes=4)
    services.grants.grant(token, home, Rights(read=True))
    services.session.flush()
    return {"repository": home.id, "source": gitlab.id, "token": token.id}


def _people(services: Services) -> dict[str, str]:
    for name, email, role in (
        ("Ines Calder", "ines@acme.example", Role.ADMIN),
        ("Priya Nair", "priya@acme.example", Role.USER),
        ("Tomasz Wrona", "tomasz@acme.example", Role.USER),
        ("Nobody Yet", "nobody@acme.example", Role.USER),
    ):
        # Who signs in elsewhere, or not yet, has no password.
        password = SecretStr(PASSWORD) if name in ("Ines Calder", "Tomasz Wrona") else None
        user = services.users.add(NewUser(name=name, email=email, role=role, password=password))
        if password:
            _second_factor(services, user)
    return {
        "admin": "ines@acme.example",
        "maintainer": "priya@acme.example",
        "user": "tomasz@acme.example",
        "nobody": "nobody@acme.example",
    }


def _second_factor(services: Services, user: User) -> None:
    services.second_factors.begin(user)
    services.second_factors.confirm(user, code(services.second_factors.key(user), time.time()))


def _tokens(services: Services) -> None:
    for name, packages, write, days in (
        ("staging", ("acme/money", "acme/ledger-core", "acme/queue-worker"), False, 200),
        ("release-bot", ("acme/invoice-pdf",), True, None),
    ):
        token, _ = services.tokens.add(TokenKind.DEPLOY, name)
        token.expires_at = now() + timedelta(days=days) if days else None
        token.last_used_at = now() - timedelta(hours=5) if days else None
        for package in packages:
            services.grants.grant(
                token, services.packages.get(package), Rights(read=True, write=write)
            )
    ines = services.users.get("ines@acme.example")
    token, _ = services.tokens.add(TokenKind.PERSONAL, "laptop", user=ines, can_write=True)
    token.last_used_at = now() - timedelta(days=1)
