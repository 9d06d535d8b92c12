"""The packages of that installation: versions, installs, syncs, and what hosts delivered."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from packistry.models import (
    Delivery,
    DeliveryVerdict,
    Dist,
    Download,
    Outcome,
    Package,
    Project,
    Source,
    Sync,
    SyncItem,
    SyncReason,
    SyncState,
    Version,
    VersionKind,
    Webhook,
    WebhookState,
)
from packistry.models.base import now
from packistry.services import Services, popularity, requirements
from packistry.services.readme import render

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

HOOKED = "billing-client"
"""The one whose host sends webhooks."""

REQUIRES = (
    {"php": "^8.3", "psr/log": "^3.0", "acme/billing-client": "^3.3"},
    {"php": "^8.3", "acme/money": "^3.0", "guzzlehttp/guzzle": "^7.9", "psr/log": "^3.0"},
    {"php": "^8.2", "acme/billing-client": "^2.9 || ^3.0", "psr/log": "^2.0 || ^3.0"},
)
DELIVERED: tuple[tuple[int, str, DeliveryVerdict, list[str], str], ...] = (
    (52000, "Push Hook", DeliveryVerdict.REFUSED, [], ""),
    (2900, "Merge Request Hook", DeliveryVerdict.IGNORED, [], ""),
    (
        1500,
        "Project Update Hook",
        DeliveryVerdict.FAILED,
        [],
        "The host answered 502: Bad Gateway.",
    ),
    (29, "Tag Push Hook", DeliveryVerdict.ACCEPTED, ["tag v3.4.0 pushed"], ""),
    (
        4,
        "Push Hook",
        DeliveryVerdict.ACCEPTED,
        ["branch main pushed", "branch feature/typed-collections-of-invoices deleted"],
        "",
    ),
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


def add_packages(services: Services, random: Random) -> None:
    """Twelve, all but one of which are from the git host."""
    session = services.session
    hosts = {source.provider: source for source in session.query(Source)}
    home, partners = services.repositories.get(""), services.repositories.get("partners")
    today = now().date()
    for number, (name, description, latest) in enumerate(LIBRARIES):
        project = Project(
            source=hosts["gitlab" if name == HOOKED else "git"],
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
        days = [today - timedelta(days=days) for days in range(90)]
        counted = {day: _installs(random, day, number) for day in days}
        session.add_all(
            Download(package_id=package.id, version=f"{latest}.0", day=day, downloads=downloads)
            for day, downloads in counted.items()
        )
        popularity.add(session, {(package.id, day): count for day, count in counted.items()})
        _sync(session, project, package, number, latest)
        if name != HOOKED:
            needs = {"require": REQUIRES[number % len(REQUIRES)]}
            requirements.note(session, package.id, needs)
        services.documents.render(package)
    broken = session.query(Project).filter_by(path="acme/search-index").one()
    broken.unreachable = "The host answered 401: Bad credentials."
    _deliveries(session)


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
    started = now() - timedelta(minutes=3 + 13 * (len(LIBRARIES) - number))
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


def _deliveries(session: Any) -> None:
    """One of each kind, as the host of one project sent them."""
    project = session.query(Project).filter_by(path=f"acme/{HOOKED}").one()
    webhook = Webhook(
        project=project,
        source=project.source,
        key="seeded",
        host_id="20984",
        state=WebhookState.ACTIVE,
        checked_at=now() - timedelta(hours=7),
    )
    session.add(webhook)
    sync = session.query(Sync).filter_by(project=project).one()
    for minutes, event, verdict, changes, reason in DELIVERED:
        session.add(
            Delivery(
                source=project.source,
                project=project,
                door=1,
                event=event,
                label=f"a4b0{minutes}",
                changes=changes,
                verdict=verdict,
                reason=reason,
                sync=sync if verdict is DeliveryVerdict.ACCEPTED else None,
                received_at=now() - timedelta(minutes=minutes),
            )
        )
    session.flush()
