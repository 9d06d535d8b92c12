"""An installation in the middle of its life: what the pages of the web admin are looked at with."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from packistry.inputs import NewRepository, NewUser, RepositoryChange
from packistry.inputs.sign_in import NewAuthenticationSource
from packistry.models import (
    BulkImport,
    BulkImportProject,
    Dist,
    Download,
    IdentityLink,
    Outcome,
    Package,
    Project,
    Role,
    Source,
    Sync,
    SyncItem,
    SyncReason,
    SyncState,
    TokenKind,
    Version,
    VersionKind,
    Via,
)
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services import Services, requirements
from packistry.services.access import ANONYMOUS, SYSTEM
from packistry.services.audit import Author
from packistry.services.grants import Rights
from packistry.services.readme import render
from packistry.services.sessions import actor_of

AUTHOR = Author(actor=SYSTEM, via=Via.CLI)
PASSWORD = "seven red umbrellas"

LIBRARIES = (
    ("audit-log", "Append-only audit trail", "2.3.1"),
    ("auth-bridge", "Signs people in with the Acme identity provider", "5.1.0"),
    ("billing-client", "Typed client for the Acme billing API", "3.4.0"),
    ("catalog-schema", "Data objects of the product catalogue", "12.0.3"),
    ("coding-standard", "Rules for PHP_CodeSniffer and PHPStan, shared by all teams", "1.8.0"),
    ("feature-flags", "Evaluates flags without a network call", "0.14.2"),
    ("invoice-pdf", "Invoices as PDF/A-3, XML inside", "4.0.0-RC1"),
    ("ledger-core", "Double-entry ledger with immutable postings", "4.1.7"),
    ("mailer-templates", "Transactional mail in eleven languages", "7.5.0"),
    ("money", "Money and rounding, without floats", "3.0.4"),
    ("queue-worker", "Long-running workers with graceful stops", "2.10.1"),
    ("search-index", "Keeps a search index in step with the database", "1.4.4"),
)

REQUIRES = (
    {"php": "^8.3", "psr/log": "^3.0", "acme/billing-client": "^3.3"},
    {"php": "^8.3", "acme/money": "^3.0", "guzzlehttp/guzzle": "^7.9", "psr/log": "^3.0"},
    {"php": "^8.2", "acme/billing-client": "^2.9 || ^3.0", "psr/log": "^2.0 || ^3.0"},
)
README = """# {name}
[![Build](https://ci.acme.example/{name}.svg)](https://ci.acme.example/{name})

{description}. Every call returns a typed object, every failure is an exception that says whether it
is worth retrying. [The manual](https://docs.acme.example/{name}) has the rest.

```php
$client = Acme\\Client::fromEnvironment();
echo $client->invoices()->find('inv_20984')->total->format('de_DE'); // 1.249,00 €
```

## Retries
Requests that are safe to repeat are tried three times with growing pauses.

| Kind | Tried | Pause |
|---|---|---|
| read | 3 times | 200 ms |
| write | once | |

- `Client::get()` is gone; use the typed collections.
- Amounts are objects now, *no longer* integers.
"""


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
        _packages(services, random)
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
    token, _ = services.tokens.add(
        TokenKind.DEPLOY, "ci-billing", expires_at=now() + timedelta(days=3)
    )
    token.last_used_at = now() - timedelta(minutes=4)
    services.grants.grant(token, home, Rights(read=True))
    services.session.flush()
    return {"repository": home.id, "source": source.id, "token": token.id}


def _people(services: Services) -> dict[str, str]:
    for name, email, role in (
        ("Ines Calder", "ines@acme.example", Role.ADMIN),
        ("Priya Nair", "priya@acme.example", Role.USER),
        ("Tomasz Wrona", "tomasz@acme.example", Role.USER),
        ("Nobody Yet", "nobody@acme.example", Role.USER),
    ):
        services.users.add(NewUser(name=name, email=email, role=role))
    return {
        "admin": "ines@acme.example",
        "maintainer": "priya@acme.example",
        "user": "tomasz@acme.example",
        "nobody": "nobody@acme.example",
    }


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


def _packages(services: Services, random: Random) -> None:
    session = services.session
    source = session.query(Source).one()
    home, partners = services.repositories.get(""), services.repositories.get("partners")
    today = now().date()
    for number, (name, description, latest) in enumerate(LIBRARIES):
        project = Project(
            source=source,
            external_id=f"https://git.acme.example/acme/{name}",
            path=f"acme/{name}",
            default_branch="main",
            synced_at=now() - timedelta(minutes=3 + 11 * number),
        )
        package = Package(
            repository=partners if number % 5 == 3 else home,
            project=project,
            name=f"acme/{name}",
            description=description,
            keywords=["acme", "billing"] if number == 2 else [],
            readme=README.format(name=name, description=description),
            readme_html=render(README.format(name=name, description=description)),
        )
        session.add_all([project, package])
        session.flush()
        _versions(session, package, latest, random)
        session.add_all(
            Download(
                package_id=package.id,
                version=f"{latest}.0",
                day=today - timedelta(days=days),
                downloads=_installs(random, today - timedelta(days=days), number),
                installs=0,
            )
            for days in range(90)
        )
        _sync(session, project, package, number, latest)
        if name != "billing-client":
            needs = {"require": REQUIRES[number % len(REQUIRES)]}
            requirements.note(session, package.id, needs)
        services.documents.render(package)
    broken = session.query(Project).filter_by(path="acme/search-index").one()
    broken.unreachable = "The host answered 401: Bad credentials."


def _versions(session: Any, package: Package, latest: str, random: Random) -> None:
    for number, name in enumerate(("dev-main", latest, "1.0.0", "0.9.0")):
        reference = f"{random.getrandbits(160):040x}"
        branch = name.startswith("dev-")
        # That of a branch waits for its first download.
        key, size = ("", 0) if branch else (reference, 412_000)
        dist = Dist(package=package, reference=reference, storage_key=key, size=size)
        session.add(
            Version(
                package=package,
                name=name if branch else f"v{name}",
                normalized=name if branch else f"{name}.0",
                stability="dev" if branch else ("RC" if "RC" in name else "stable"),
                kind=VersionKind.BRANCH if branch else VersionKind.TAG,
                ref="main" if branch else f"v{name}",
                reference=reference,
                committed_at=now() - timedelta(days=30 * number, hours=2),
                default_branch=branch,
                manifest={
                    "require": {**REQUIRES[number % len(REQUIRES)], "ext-json": "*"},
                    "require-dev": {"phpunit/phpunit": "^11.0"},
                    "license": ["MIT"],
                },
                dist=dist,
            )
        )
    session.flush()


def _installs(random: Random, day: Any, number: int) -> int:
    base = 20 if day.weekday() > 4 else 160
    return int(base * (1 + number / 10) * random.uniform(0.8, 1.3))


def _sync(session: Any, project: Project, package: Package, number: int, latest: str) -> None:
    started = now() - timedelta(minutes=3 + 13 * number)
    running = number == 6
    failed = number == 11
    sync = Sync(
        project=project,
        reason=(SyncReason.WEBHOOK, SyncReason.RECONCILE, SyncReason.ADDED)[number % 3],
        state=SyncState.RUNNING if running else SyncState.FAILED if failed else SyncState.DONE,
        done=64 if running else 3,
        total=143 if running else 3,
        error="The host answered 401: Bad credentials." if failed else "",
        requested_at=started,
        started_at=started,
        finished_at=None if running else started + timedelta(seconds=1.8),
    )
    session.add(sync)
    refused = number == 7
    session.add(
        SyncItem(
            sync=sync,
            package=package,
            kind="tag",
            ref=f"v{latest}",
            version=f"v{latest}",
            outcome=Outcome.SKIPPED if refused else Outcome.IMPORTED,
            reason='Its composer.json says "acme/ledger".' if refused else "",
            at=datetime.now(UTC),
        )
    )
    session.flush()
