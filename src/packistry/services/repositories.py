from sqlalchemy import func, select
from sqlalchemy.orm import Session

from packistry.errors import Conflict, NotFound
from packistry.inputs import NewRepository, RepositoryChange
from packistry.models import Package, Repository
from packistry.services.access import Actor, enterable
from packistry.services.packages import Packages


class Repositories:
    """The Composer repositories of this installation."""

    def __init__(self, session: Session, packages: Packages) -> None:
        self._session = session
        self._packages = packages

    def all(self) -> list[Repository]:
        """The root first, the others by path."""
        return list(self._session.scalars(select(Repository).order_by(Repository.path)))

    def readable(self, actor: Actor, *, limit: int) -> list[Repository]:
        """The first of those that the actor may enter, the root before the others."""
        query = select(Repository).where(enterable(actor)).order_by(Repository.path).limit(limit)
        return list(self._session.scalars(query))

    def find(self, path: str) -> Repository | None:
        query = select(Repository).where(Repository.path == path)
        return self._session.scalars(query).one_or_none()

    def at(self, repository_id: int) -> Repository:
        """The repository with this number. Raises NotFound."""
        repository = self._session.get(Repository, repository_id)
        if repository is None:
            raise NotFound("There is no such repository.")
        return repository

    def get(self, path: str) -> Repository:
        """The repository at `path`, also written "r/{path}" or "/". Raises NotFound."""
        plain = path.strip("/").removeprefix("r/")
        repository = self.find(plain)
        if repository is None:
            raise NotFound(
                f'There is no repository with the path "{plain}".'
                if plain
                else "There is no root repository.",
                noun="repository",
            )
        return repository

    def size(self, repository: Repository) -> int:
        """How many packages it has."""
        query = select(func.count()).where(Package.repository_id == repository.id)
        return self._session.scalar(query) or 0

    def is_public(self, place: Repository | Package) -> bool:
        """Whether everybody may read it, whatever they were granted."""
        return (place.repository if isinstance(place, Package) else place).public

    def add(self, new: NewRepository) -> Repository:
        """Raises Conflict when the name or path is taken."""
        self._name_free(new.name)
        self._path_free(new.path)
        repository = Repository(
            name=new.name,
            path=new.path,
            description=new.description,
            public=new.public,
            reserved_vendors=sorted(set(new.reserved_vendors)),
            tag_policy=new.tag_policy,
        )
        self._session.add(repository)
        self._session.flush()
        return repository

    def edit(self, repository: Repository, change: RepositoryChange) -> None:
        """Raises Conflict when the name or path is taken.

        After another path its documents are stale: have them rendered once this is committed
        (`documents.render_stale`), or leave it to the scheduler.
        """
        if change.name is not None and change.name != repository.name:
            self._name_free(change.name)
            repository.name = change.name
        if change.path is not None and change.path != repository.path:
            self._path_free(change.path)
            repository.path = change.path
            self._packages.mark_stale(repository)
        if change.reserved_vendors is not None:
            repository.reserved_vendors = sorted(set(change.reserved_vendors))
        for name in ("description", "public", "tag_policy"):
            value = getattr(change, name)
            if value is not None:
                setattr(repository, name, value)
        self._session.flush()

    def remove(self, repository: Repository) -> None:
        """With all its packages. Their zips go at the next collection of garbage."""
        for package in self._packages.all(repository):
            self._packages.remove(package)
        self._session.delete(repository)
        self._session.flush()

    def _name_free(self, name: str) -> None:
        if self._session.scalars(select(Repository.id).where(Repository.name == name)).first():
            raise Conflict(f'There is a repository called "{name}" already.', field="name")

    def _path_free(self, path: str) -> None:
        if self.find(path) is not None:
            raise Conflict(
                f'There is a repository with the path "{path}" already.'
                if path
                else "There is a root repository already; give this one a path.",
                field="path",
            )
