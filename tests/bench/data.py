"""An installation full of packages, made without importing them."""

import random
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from packistry.composer.semver import normalize
from packistry.inputs import NewRepository
from packistry.models import Dist, Document, Package, TokenKind, Version, VersionKind
from packistry.models.base import new_uid, now
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.services.dists import Dists, record
from packistry.services.documents import dist_path, render_stale
from packistry.services.grants import Rights
from packistry.settings import Settings

FIRST_RELEASE = datetime(2011, 7, 9, tzinfo=UTC)
MAJORS = 3
VENDOR = "bench"
SEED = 11
INSERTED_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class Access:
    """A token that may read everything, and the header `composer` sends it in."""

    token: str

    @property
    def authorization(self) -> str:
        return "Basic " + b64encode(f"token:{self.token}".encode()).decode()


def runtime(folder: Path, url: str) -> Runtime:
    """An installation below `folder`, up to date; `url` is its address. The caller closes it."""
    made = Runtime(Settings(data_dir=folder / "data", url=url, workers=0))
    made.prepare()
    return made


def open_repository(services: Services) -> tuple[int, Access]:
    """A private root repository; its id, and a token for it."""
    repository = services.repositories.add(NewRepository(name="bench"))
    token, text = services.tokens.add(TokenKind.DEPLOY, "bench")
    services.grants.grant(token, repository, Rights(read=True))
    return repository.id, Access(token=text)


def package_name(number: int, vendor: str = VENDOR) -> str:
    return f"{vendor}/package-{number}"


def publish(runtime: Runtime, versions: Sequence[int], vendor: str = VENDOR) -> Access:
    """Packages in a tree of requirements, the first being its root, with so many versions each."""
    repository_id, access = runtime.attempt(open_repository)
    names = [package_name(number, vendor) for number in range(len(versions))]
    for number, count in enumerate(versions):
        runtime.attempt(
            partial(
                _publish,
                repository_id=repository_id,
                names=names,
                number=number,
                count=count,
            )
        )
    render_stale(runtime)
    return access


def _publish(
    services: Services, *, repository_id: int, names: Sequence[str], number: int, count: int
) -> None:
    package = Package(repository_id=repository_id, name=names[number], stale=True)
    services.session.add(package)
    services.session.flush()
    # Seeded: every run measures the same documents.
    chance = random.Random(f"{SEED}/{number}")
    for name in releases(count):
        reference = f"{chance.getrandbits(160):040x}"
        dist = Dist(
            package_id=package.id, reference=reference, sha1=f"{chance.getrandbits(160):040x}"
        )
        services.session.add(dist)
        services.session.flush()
        services.session.add(
            Version(
                package_id=package.id,
                name=name,
                normalized=normalize(name),
                stability="stable",
                kind=VersionKind.TAG,
                ref=name,
                reference=reference,
                committed_at=FIRST_RELEASE + timedelta(seconds=chance.randrange(4 * 10**8)),
                manifest=_manifest(names, number, int(name.partition(".")[0]), chance),
                dist_id=dist.id,
            )
        )


def releases(count: int) -> Iterator[str]:
    """So many version numbers, of three majors."""
    for number in range(count):
        major, rest = divmod(number, -(-count // MAJORS))
        yield f"{major + 1}.{rest // 4}.{rest % 4}"


def _manifest(
    names: Sequence[str], number: int, major: int, chance: random.Random
) -> dict[str, Any]:
    """The size and kinds of content that monolog's have."""
    name = names[number]
    children = names[2 * number + 1 : 2 * number + 3]
    minor = chance.randrange(10)
    return {
        "description": f"Sends what number {number} has to say to files, sockets and databases",
        "keywords": ["log", "logging", "psr-3"],
        "homepage": f"https://packages.example/{name}",
        "license": ["MIT"],
        "authors": [
            {
                "name": "A. Maintainer",
                "email": "a@packages.example",
                "homepage": "https://a.example",
            }
        ],
        "require": {"php": ">=7.2"} | dict.fromkeys(children, f"^{major}.0"),
        "require-dev": {
            "ext-json": "*",
            "phpunit/phpunit": f"^8.5.{minor} || ^9.5.{minor}",
            "phpstan/phpstan": f"^1.{minor}",
            "aws/aws-sdk-php": "^2.4.9 || ^3.0",
            "elasticsearch/elasticsearch": "^7 || ^8",
        },
        "suggest": {
            "ext-mbstring": "Allow to work properly with unicode symbols",
            "ext-openssl": "Required to send log messages using SSL",
        },
        "autoload": {"psr-4": {f"Bench\\Package{number}\\": "src/"}},
        "support": {"issues": f"https://packages.example/{name}/issues"},
        "extra": {"branch-alias": {"dev-main": f"{major}.x-dev"}},
    }


def keep_dist(runtime: Runtime, number: int, size: int) -> str:
    """Store a zip of `size` bytes as the dist of a package's first version; the path of its URL."""
    data = random.Random(SEED).randbytes(size)

    def find(services: Services) -> tuple[int, str, str, str]:
        query = select(Version).join(Package).where(Package.name == package_name(number))
        version = services.session.scalars(query.order_by(Version.id)).all()[0]
        return version.package_id, version.package.uid, version.name, version.reference

    package_id, uid, name, reference = runtime.attempt(find)
    stored = Dists(runtime).store(uid, reference, BytesIO(data))
    runtime.attempt(lambda services: record(services.session, package_id, reference, stored))
    return f"/dists/{package_name(number)}/{dist_path(name, reference)}"


def crowd(runtime: Runtime, packages: int, body: bytes) -> Access:
    """So many packages with the documents alone: what a lookup goes through."""
    repository_id, access = runtime.attempt(open_repository)
    for start in range(0, packages, INSERTED_AT_ONCE):
        numbers = range(start + 1, min(start + INSERTED_AT_ONCE, packages) + 1)
        runtime.attempt(partial(_crowd, repository_id=repository_id, numbers=numbers, body=body))
    return access


def _crowd(services: Services, *, repository_id: int, numbers: range, body: bytes) -> None:
    moment = now()
    services.session.execute(
        insert(Package),
        [
            {
                "id": number,
                "uid": new_uid(),
                "repository_id": repository_id,
                "name": package_name(number),
                "created_at": moment,
            }
            for number in numbers
        ],
    )
    services.session.execute(
        insert(Document),
        [
            {
                "package_id": number,
                "channel": channel,
                "body": body if channel == "stable" else body[:100],
                "digest": "",
                "modified": int(moment.timestamp()),
            }
            for number in numbers
            for channel in ("stable", "dev")
        ],
    )
