"""Finding packages: search, who provides what, and which versions a client says it installed.

Only reads. On SQLite a reading transaction is deferred: it waits for no writer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import aliased

from packistry.composer.documents import FoundPackage, ProvidingPackage
from packistry.models import Download, Package, Repository, Version, VersionKind
from packistry.services.access import Action, Actor, Subject, package_predicate
from packistry.services.lookups import published

MOST_WORDS = 10
CHUNK = 200
# What very old clients report for the default branch.
DEFAULT_BRANCH = "9999999-dev"


@dataclass(frozen=True, kw_only=True)
class Search:
    """Packages with every word of `text` in name, description or keywords; `type` "" is any.

    `page` counts from 1.
    """

    text: str = ""
    type: str = ""
    page: int = 1
    per_page: int = 100


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of what was found; `total` counts all pages."""

    results: tuple[FoundPackage, ...]
    total: int


class Catalog:
    """What an actor can find in a repository. Hidden packages are as absent ones."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(begin="DEFERRED")

    def search(self, actor: Actor, repository_id: int, search: Search) -> Page:
        """One page, those with the words in their names first."""
        words = search.text.lower().split()[:MOST_WORDS]
        found = and_(_readable(actor, repository_id), *map(_mentions, words))
        if search.type:
            found = and_(found, Package.type == search.type.lower())
        named = and_(*(_contains(Package.name, word) for word in words)) if words else None
        order = [] if named is None else [case((named, 0), else_=1)]
        downloads = (
            select(func.coalesce(func.sum(Download.downloads), 0))
            .where(Download.package_id == Package.id)
            .scalar_subquery()
        )
        page = (
            _packages(
                Package.name,
                Package.description,
                Package.abandoned,
                Package.abandoned_here,
                downloads,
            )
            .where(found)
            .order_by(*order, Package.name)
            .limit(search.per_page)
            .offset((search.page - 1) * search.per_page)
        )
        with self._engine.connect() as connection:
            total = connection.scalar(_packages(func.count()).where(found))
            rows = connection.execute(page).all()
        results = tuple(
            FoundPackage(
                name=name,
                description=description,
                abandoned=abandoned if here is None else here,
                downloads=int(number),
            )
            for name, description, abandoned, here, number in rows
        )
        return Page(results=results, total=total or 0)

    def providers(self, actor: Actor, repository_id: int, name: str) -> list[ProvidingPackage]:
        """Packages other than itself whose `provide` names it.

        What counts is the default branch's composer.json; that of every version where there is
        none, as with uploads.
        """
        default = aliased(Version)
        main = exists().where(default.package_id == Package.id, default.default_branch)
        # The key as JSONText writes it; what `provide` holds is looked at below.
        key = f'"{name}":'
        statement = (
            _packages(Package.name, Package.description, Package.type, Version.manifest)
            .join(Version, Version.package_id == Package.id)
            .where(
                _readable(actor, repository_id),
                Package.name != name,
                or_(Version.default_branch, Version.kind == VersionKind.UPLOAD, ~main),
                type_coerce(Version.manifest, Text).contains(key, autoescape=True),
            )
            .order_by(Package.name)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(statement).all()
        providing = {
            package: ProvidingPackage(name=package, description=description, type=type_)
            for package, description, type_, manifest in rows
            if name in (manifest.get("provide") or {})
        }
        return list(providing.values())

    def installed(
        self, actor: Actor, repository_id: int, entries: Iterable[tuple[str, str]]
    ) -> list[tuple[int, str]]:
        """(package id, normalised version) of each entry (name, normalised version) that exists.

        Entries keep their number: the same one twice is two installs.
        """
        wanted = list(entries)
        known: dict[tuple[str, str], tuple[int, str]] = {}
        names = sorted({name for name, _ in wanted})
        versions = {version for _, version in wanted}
        with self._engine.connect() as connection:
            for start in range(0, len(names), CHUNK):
                some = names[start : start + CHUNK]
                for row in connection.execute(_versions(actor, repository_id, some, versions)):
                    name, package_id, normalized, default_branch = row
                    known[name, normalized] = (package_id, normalized)
                    if default_branch:
                        known[name, DEFAULT_BRANCH] = (package_id, normalized)
        return [known[entry] for entry in wanted if entry in known]


def _versions(
    actor: Actor, repository_id: int, names: Sequence[str], versions: set[str]
) -> Select[Any]:
    reported: ColumnElement[bool] = Version.normalized.in_(sorted(versions))
    if DEFAULT_BRANCH in versions:
        reported = or_(reported, Version.default_branch)
    return (
        _packages(Package.name, Package.id, Version.normalized, Version.default_branch)
        .join(Version, Version.package_id == Package.id)
        .where(_readable(actor, repository_id), Package.name.in_(names), reported)
    )


def _packages(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Package)
        .join(Repository, Repository.id == Package.repository_id)
    )


def _readable(actor: Actor, repository_id: int) -> ColumnElement[bool]:
    allowed = package_predicate(Subject.of(actor, Action.READ), Action.READ)
    return and_(Repository.id == repository_id, published(), allowed)


def _mentions(word: str) -> ColumnElement[bool]:
    places = (Package.name, Package.description, type_coerce(Package.keywords, Text))
    return or_(*(_contains(place, word) for place in places))


def _contains(column: Any, word: str) -> ColumnElement[bool]:
    clause: ColumnElement[bool] = func.lower(column).contains(word, autoescape=True)
    return clause
