"""The real application on a real installation, and packages to put into it."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from webtest import TestApp

from packistry.app import Application, make_app
from packistry.composer.semver import normalize, normalize_branch, parse_stability
from packistry.models import (
    Dist,
    Grant,
    Package,
    Repository,
    Role,
    TokenKind,
    User,
    Version,
    VersionKind,
)
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.services.dists import Dists, record


def zip_of(manifest: Mapping[str, Any], **files: str) -> bytes:
    """A zip as our importer makes them: one top folder, composer.json inside."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {"composer.json": json.dumps(manifest), **files}.items():
            member = zipfile.ZipInfo(f"top/{name}", (2024, 1, 1, 0, 0, 0))
            member.external_attr = 0o100644 << 16
            archive.writestr(member, text)
    return buffer.getvalue()


def commit(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


def basic(user: str, password: str) -> dict[str, str]:
    from base64 import b64encode

    text = b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A version that was put in: where its dist is, and its bytes."""

    reference: str
    path: str
    content: bytes


class Stock:
    """Puts repositories, packages and tokens into the installation."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def repository(self, path: str = "", *, public: bool = False, reserved: tuple[str, ...] = ()):
        with self.runtime.transaction() as services:
            services.session.add(
                Repository(
                    name=path or "root", path=path, public=public, reserved_vendors=list(reserved)
                )
            )

    def publish(self, public: bool, path: str = "") -> None:
        with self.runtime.transaction() as services:
            self._repository(services, path).public = public

    def package(self, name: str, repository: str = "", **facts: Any) -> None:
        with self.runtime.transaction() as services:
            package = Package(repository=self._repository(services, repository), name=name, **facts)
            services.session.add(package)
            services.session.flush()
            services.documents.render(package)

    def version(
        self,
        name: str,
        version: str,
        repository: str = "",
        *,
        lazy: bool = False,
        text: str = "",
        default_branch: bool = False,
        **manifest: Any,
    ) -> Shipped:
        """A tag, or a branch when it begins with "dev-" or ends with "-dev"."""
        dev = version.startswith("dev-") or version.endswith("-dev")
        normalized = (
            normalize_branch(version.removeprefix("dev-"))
            if dev and version.startswith("dev-")
            else normalize(version)
        )
        reference = commit(f"{name} {version} {text}")
        content = zip_of({"name": name, **manifest}, **{"text.txt": text})
        package_id, uid = self._package(name, repository)
        stored = None if lazy else Dists(self.runtime).store(uid, reference, io.BytesIO(content))
        with self.runtime.transaction() as services:
            session = services.session
            if stored is None:
                dist = Dist(package_id=package_id, reference=reference)
                session.add(dist)
                session.flush()
                dist_id = dist.id
            else:
                dist_id = record(session, package_id, reference, stored)
            query = select(Version).where(
                Version.package_id == package_id, Version.normalized == normalized
            )
            row = session.scalars(query).first() or Version(
                package_id=package_id, normalized=normalized, name=version
            )
            row.kind = VersionKind.BRANCH if dev else VersionKind.TAG
            row.stability = parse_stability(normalized)
            row.ref, row.reference, row.dist_id = version, reference, dist_id
            row.committed_at = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
            row.default_branch, row.manifest = default_branch, manifest
            session.add(row)
            session.flush()
            services.documents.render(session.get_one(Package, package_id))
        prefix = f"/r/{repository}" if repository else ""
        safe = version.replace("/", "-")
        return Shipped(
            reference=reference,
            path=f"{prefix}/dists/{name}/{safe}/{reference}.zip",
            content=content,
        )

    def store_dist(self, name: str, shipped: Shipped, repository: str = "") -> None:
        """What the job does for a dist that was built lazily."""
        package_id, uid = self._package(name, repository)
        stored = Dists(self.runtime).store(uid, shipped.reference, io.BytesIO(shipped.content))
        with self.runtime.transaction() as services:
            record(services.session, package_id, shipped.reference, stored)

    def remove(self, name: str, repository: str = "") -> None:
        with self.runtime.transaction() as services:
            services.packages.remove(self._row(services, name, repository))

    def token(
        self,
        *,
        repositories: tuple[str, ...] = (),
        packages: tuple[tuple[str, str], ...] = (),
        write: bool = False,
        expires_at: datetime | None = None,
        name: str = "ci",
    ) -> str:
        """A deploy token for repositories by path and packages by (repository, name)."""
        with self.runtime.transaction() as services:
            token, text = services.tokens.add(
                TokenKind.DEPLOY, name, can_write=write, expires_at=expires_at
            )
            for path in repositories:
                row = self._repository(services, path)
                services.session.add(
                    Grant(token_id=token.id, repository_id=row.id, can_write=write)
                )
            for path, package in packages:
                found = self._row(services, package, path)
                services.session.add(Grant(token_id=token.id, package_id=found.id, can_write=write))
            return text

    def user_token(self, *, admin: bool = False, repositories: tuple[str, ...] = ()) -> str:
        with self.runtime.transaction() as services:
            user = User(
                name="Ada", email="ada@example.org", role=Role.ADMIN if admin else Role.USER
            )
            services.session.add(user)
            services.session.flush()
            for path in repositories:
                row = self._repository(services, path)
                services.session.add(Grant(user_id=user.id, repository_id=row.id))
            _, text = services.tokens.add(TokenKind.PERSONAL, "laptop", user=user, can_write=True)
            return text

    def revoke_all(self) -> None:
        with self.runtime.transaction() as services:
            for token in services.tokens.all():
                services.tokens.revoke(token)

    def _package(self, name: str, repository: str) -> tuple[int, str]:
        with self.runtime.transaction() as services:
            row = self._row(services, name, repository)
            return row.id, row.uid

    def _repository(self, services: Services, path: str) -> Repository:
        query = select(Repository).where(Repository.path == path)
        return services.session.scalars(query).one()

    def _row(self, services: Services, name: str, repository: str) -> Package:
        inside = self._repository(services, repository)
        query = select(Package).where(Package.repository_id == inside.id, Package.name == name)
        package = services.session.scalars(query).first()
        if package is None:
            package = Package(repository=inside, name=name)
            services.session.add(package)
            services.session.flush()
        return package


@pytest.fixture
def stock(runtime: Runtime) -> Stock:
    return Stock(runtime)


@pytest.fixture
def application(runtime: Runtime) -> Iterator[Application]:
    application = make_app(runtime)
    yield application
    application.close()


@pytest.fixture
def app(application: Application) -> TestApp:
    return TestApp(application)
