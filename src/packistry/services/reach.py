"""What may be granted, as a tree: repositories with their packages, and what is granted of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from packistry.errors import Invalid
from packistry.inputs.rights import Right, RightsChange
from packistry.models import Grant, Package, Repository
from packistry.services import grants
from packistry.services.access import Actor, manages
from packistry.services.grants import Grants, Owner, Target

LISTED = 40
"""A repository with no more packages has all of them in the tree; of others those granted."""
LISTED_IN_ALL = 400


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A repository, the packages of it that are shown, and how many there are."""

    repository: Repository
    packages: Sequence[Package]
    total: int


class Reach:
    """What `actor` may give to others: administrators everything, maintainers what is theirs."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def tree(self, owner: Owner | None = None) -> list[Branch]:
        """The repositories by name; with the packages that `owner` has rights on, in any case."""
        query = select(Repository).where(self._mine()).order_by(func.lower(Repository.name))
        repositories = self._session.scalars(query).all()
        sizes = self._sizes()
        small, left = [], LISTED_IN_ALL
        for repository in repositories:
            size = sizes.get(repository.id, 0)
            if size <= min(LISTED, left):
                small.append(repository.id)
                left -= size
        shown: dict[int, list[Package]] = {}
        for package in self._packages(small, owner):
            shown.setdefault(package.repository_id, []).append(package)
        return [
            Branch(
                repository=repository,
                packages=shown.get(repository.id, []),
                total=sizes.get(repository.id, 0),
            )
            for repository in repositories
        ]

    def grant(self, owner: Owner, wanted: RightsChange) -> None:
        """Has `owner` have just these rights. Raises Invalid for what is not theirs to give."""
        chosen: dict[Target, grants.Rights] = {}
        for number, right in enumerate(wanted.rights):
            target = self._target(right, number)
            had = chosen.get(target, grants.Rights())
            chosen[target] = grants.Rights(
                read=had.read or right.read,
                write=had.write or right.write,
                manage=had.manage or right.manage,
            )
        Grants(self._session).replace(owner, chosen)

    def _target(self, right: Right, number: int) -> Target:
        target: Target | None
        what = "repository"
        if right.repository is None:
            target, what = self._package(Package.id == right.package), "package"
        elif right.name is not None:
            here = (Package.repository_id == right.repository) & (Package.name == right.name)
            target, what = self._package(here), f"package {right.name}"
        else:
            query = select(Repository).where(Repository.id == right.repository, self._mine())
            target = self._session.scalars(query).one_or_none()
        if target is None:
            raise Invalid(f"There is no {what} to give rights on.", field=f"rights.{number}")
        return target

    def _package(self, which: ColumnElement[bool]) -> Package | None:
        query = select(Package).join(Repository).where(which, self._mine())
        return self._session.scalars(query).one_or_none()

    def _packages(self, repositories: Sequence[int], owner: Owner | None) -> Sequence[Package]:
        wanted: list[ColumnElement[bool]] = [Package.repository_id.in_(repositories)]
        if owner is not None:
            had = select(Grant.package_id).where(grants.owned(owner), Grant.package_id.is_not(None))
            wanted.append(Package.id.in_(had))
        query = (
            select(Package)
            .join(Repository)
            .where(Package.name.is_not(None), or_(*wanted), self._mine())
            .order_by(Package.name)
        )
        return self._session.scalars(query).all()

    def _sizes(self) -> Mapping[int, int]:
        query = select(Package.repository_id, func.count()).group_by(Package.repository_id)
        return {row[0]: row[1] for row in self._session.execute(query)}

    def _mine(self) -> ColumnElement[bool]:
        return manages(self._actor)
