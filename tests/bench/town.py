"""Everything an installation has after years, in SQL: one package made with care, then copied."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import zope.sqlalchemy
from sqlalchemy import Table, func, insert, literal, select, true, update
from sqlalchemy.orm import Session

from packistry.models import (
    AuditEvent,
    Base,
    Dist,
    Document,
    Download,
    DownloadDay,
    Gram,
    Outcome,
    Package,
    Project,
    Readme,
    Requirement,
    Source,
    Sync,
    SyncItem,
    SyncReason,
    SyncState,
    TokenKind,
    User,
    Version,
    Via,
    Webhook,
    WebhookState,
)
from packistry.models.base import now
from packistry.models.gram import grams, said
from packistry.runtime import Runtime
from packistry.services import Services, popularity, readme
from packistry.services.grants import Rights
from tests.bench import data

VERSIONS = 50
SYNCS = 3
DAYS = 30
PEOPLE = 30
# More than a page of the audit log shows, whatever became of packages.
SIGN_INS = 60
README = "## Use\n\nSend what the package has to say to *files*, sockets and databases.\n" * 40
INSERTED_AT_ONCE = 1000

_DAYS = cast(Table, DownloadDay.__table__)


def build(runtime: Runtime, packages: int) -> None:
    """So many packages, each with 50 versions, a project, an import, downloads and an event."""
    data.publish(runtime, [VERSIONS])
    runtime.attempt(_first)
    runtime.attempt(_people)
    runtime.attempt(lambda services: _multiply(services.session, packages))
    runtime.attempt(_sign_in)


def _first(services: Services) -> None:
    """What the package that is copied lacks."""
    session = services.session
    package = session.scalars(select(Package)).one()
    source = Source(name="git", provider="git")
    session.add(source)
    session.flush()
    project = Project(source_id=source.id, external_id="1", path=package.name)
    session.add(project)
    session.flush()
    session.add(
        Webhook(source_id=source.id, project_id=project.id, key="1", state=WebhookState.ACTIVE)
    )
    package.project_id = project.id
    package.description = "Sends what it has to say to files, sockets and databases"
    package.keywords = ["log", "logging", "psr-3"]
    package.readme, package.readme_html = README, readme.render(README)
    moment = now()
    syncs = [
        Sync(
            project_id=project.id,
            reason=SyncReason.RECONCILE if number else SyncReason.ADDED,
            state=SyncState.DONE,
            done=VERSIONS,
            total=VERSIONS,
            started_at=moment,
            finished_at=moment,
        )
        for number in range(SYNCS)
    ]
    session.add_all(syncs)
    session.flush()
    for version in session.scalars(select(Version)):
        session.add(
            SyncItem(
                sync_id=syncs[0].id,
                package_id=package.id,
                kind=version.kind,
                ref=version.ref,
                reference=version.reference,
                outcome=Outcome.IMPORTED,
                version=version.name,
            )
        )
    for number, name in enumerate(("psr/log", "php", "ext-json")):
        session.add(
            Requirement(package_id=package.id, name=name, dev=number == 2, allows=f"^{number + 1}")
        )
    for number in range(DAYS):
        day = moment.date() - timedelta(days=number)
        session.add(
            Download(
                package_id=package.id,
                version="1.0.0.0",
                day=day,
                downloads=number + 1,
                installs=number,
            )
        )
        popularity.add(session, {(package.id, day): number + 1})
    session.refresh(package)
    session.add(
        AuditEvent(
            via=Via.WEB,
            actor="root@bench.example",
            action="package.added",
            kind="package",
            target_id=package.id,
            target=package.name,
        )
    )


def _people(services: Services) -> None:
    repository = services.repositories.get("")
    for number in range(PEOPLE):
        user = User(name=f"Person {number}", email=f"person-{number}@bench.example")
        services.session.add(user)
        services.session.flush()
        services.grants.grant(user, repository, Rights(read=True))
        token, _ = services.tokens.add(TokenKind.DEPLOY, f"token-{number}")
        services.grants.grant(token, repository, Rights(read=True))


def _sign_in(services: Services) -> None:
    services.session.add_all(
        AuditEvent(
            via=Via.WEB,
            actor=f"person-{number % PEOPLE}@bench.example",
            action="sign-in.succeeded",
            kind="user",
        )
        for number in range(SIGN_INS)
    )


def _multiply(session: Session, packages: int) -> None:
    _others(session, packages)
    _copies(session)
    _grams(session)
    session.execute(update(_DAYS).values(downloads=_DAYS.c.downloads * packages))
    zope.sqlalchemy.mark_changed(session)


def _others(session: Session, packages: int) -> None:
    """The other packages, their projects and the webhooks of these."""
    first = _values(session, Package, 1)
    project = _values(session, Project, first["project_id"])
    webhook = _values(session, Webhook, 1)
    for start in range(2, packages + 1, INSERTED_AT_ONCE):
        numbers = range(start, min(start + INSERTED_AT_ONCE, packages + 1))
        session.execute(
            insert(cast(Table, Project.__table__)),
            [
                project
                | {
                    "id": number,
                    "uid": f"{number:032x}",
                    "external_id": str(number),
                    "path": data.package_name(number),
                }
                for number in numbers
            ],
        )
        session.execute(
            insert(cast(Table, Webhook.__table__)),
            [
                webhook
                | {
                    "id": number,
                    "uid": f"{number:032x}",
                    "key": f"{number:032x}",
                    "project_id": number,
                }
                for number in numbers
            ],
        )
        session.execute(
            insert(cast(Table, Package.__table__)),
            [
                first
                | {
                    "id": number,
                    "uid": f"{number:032x}",
                    "name": data.package_name(number),
                    "project_id": number,
                }
                for number in numbers
            ],
        )


def _grams(session: Session) -> None:
    """What the words of the other packages are found by."""
    query = select(Package.id, Package.name, Package.description, Package.keywords)
    rows = session.execute(query.where(Package.id > 1)).all()
    for start in range(0, len(rows), INSERTED_AT_ONCE):
        session.execute(
            insert(cast(Table, Gram.__table__)),
            [
                {"gram": each, "package_id": row.id}
                for row in rows[start : start + INSERTED_AT_ONCE]
                for each in grams(said(row.name, row.description, row.keywords))
            ],
        )


def _values(session: Session, model: type[Base], id: int) -> dict[str, Any]:  # noqa: A002
    row = session.get_one(model, id)
    return {column.key: getattr(row, column.key) for column in model.__table__.columns}


def _copies(session: Session) -> None:
    """All that belongs to the first package, for each of the others, with ids in their order."""
    for model, belongs in (
        (Dist, {}),
        (Version, {"dist_id": VERSIONS}),
        (Document, {}),
        (Readme, {}),
        (Download, {}),
        (Requirement, {}),
        (Sync, {"project_id": 1}),
        (SyncItem, {"sync_id": SYNCS}),
        (AuditEvent, {}),
    ):
        _copy(session, model, belongs)


def _copy(session: Session, model: type[Base], moved: Mapping[str, int]) -> None:
    table = model.__table__
    assert isinstance(table, Table)
    count = session.scalar(select(func.count()).select_from(table)) or 0
    number = Package.id
    columns = {}
    for column in table.columns:
        if column.key == "id":
            columns["id"] = column + (number - 1) * count
        elif column.key in ("package_id", "target_id"):
            columns[column.key] = number + literal(0)
        elif column.key in moved:
            columns[column.key] = column + (number - 1) * moved[column.key]
        else:
            columns[column.key] = column
    rows = (
        select(*columns.values())
        .select_from(Package.__table__.join(table, true()))
        .where(number > 1)
        .order_by(number, *table.primary_key)
    )
    session.execute(insert(table).from_select(list(columns), rows, include_defaults=False))
