"""Packages under another name, and in another repository."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from packistry import plugin
from packistry.errors import Conflict, Invalid
from packistry.models import Grant, Package, Repository, SyncReason
from packistry.services import passed, popularity
from packistry.services.documents import Documents
from packistry.services.events import Events
from packistry.services.filters import lists_of
from packistry.services.ledger import Ledger
from packistry.services.pins import carry

_HOW = ("subdirectory", "dists", "tag_policy", "keep_dists", "type", "description", "keywords")
_RIGHTS = ("user_id", "token_id", "can_read", "can_write", "can_manage", "given_by")


class Moving:
    """What changes the address of a package."""

    def __init__(
        self, session: Session, documents: Documents, ledger: Ledger, events: Events
    ) -> None:
        self._session = session
        self._documents = documents
        self._ledger = ledger
        self._events = events

    def rename(self, package: Package, name: str) -> Package:
        """The package of the same project that has this name from now on.

        The old one stays for those who install it, in step with the project, and abandoned in
        favour of the new one, which gets its settings, its grants and what is remembered of its
        tags. Raises Conflict and Invalid.
        """
        if package.name is None:
            raise Conflict("It has no name yet: its first import finds it in composer.json.")
        if package.name == name:
            raise Invalid(
                "This is the name that it has: enter the one it is to have.", field="name"
            )
        if package.project is None:
            raise Conflict(
                "Its versions are uploaded: upload the next one under the new name, and mark this "
                "one as abandoned."
            )
        self._free(package.repository, name, "name", "Mark this one as abandoned instead.")
        renamed = Package(
            repository=package.repository,
            project=package.project,
            name=name,
            abandoned=package.abandoned,
            **{each: getattr(package, each) for each in _HOW},
            **lists_of(package),
        )
        self._session.add(renamed)
        self._session.flush()
        for grant in self._session.scalars(select(Grant).where(Grant.package_id == package.id)):
            rights = {each: getattr(grant, each) for each in _RIGHTS}
            self._session.add(Grant(package_id=renamed.id, **rights))
        carry(self._session, package, package.repository_id, name)
        package.abandoned_here = name
        self._session.flush()
        self._documents.render(package)
        self._events.announce(plugin.PackageAdded(repository=package.repository.path, package=name))
        self._ledger.request(package.project, SyncReason.ADDED)
        return renamed

    def move(self, package: Package, repository: Repository) -> None:
        """It is in that repository from now on, and in the one before no more. Raises Conflict."""
        before = package.repository
        if before.id == repository.id:
            raise Conflict(f'It is in the repository "{repository.name}" already.', field="to")
        if package.name is not None:
            self._free(repository, package.name, "to", "Rename or remove one of the two first.")
        self._alone(package, repository)
        passed.remember_removed(self._session, package)
        self._documents.forget(package)
        if package.name is not None:
            carry(self._session, package, repository.id, package.name)
        package.repository = repository
        self._session.flush()
        popularity.move(self._session, package, before.id)
        passed.forget(self._session, package)
        if package.name is None:
            return
        self._documents.render(package)
        gone = plugin.PackageRemoved(repository=before.path, package=package.name)
        self._events.announce(gone)
        self._events.announce(plugin.PackageAdded(repository=repository.path, package=package.name))

    def _free(self, repository: Repository, name: str, field: str, remedy: str) -> None:
        query = select(Package.id).where(
            Package.repository_id == repository.id, Package.name == name
        )
        if self._session.scalar(query) is not None:
            raise Conflict(
                f'The repository "{repository.name}" has a package {name} already. {remedy}',
                field=field,
            )

    def _alone(self, package: Package, repository: Repository) -> None:
        """Raises Conflict when a package there is made of the same folder of the same project."""
        if package.project_id is None:
            return
        query = select(Package).where(
            Package.repository_id == repository.id,
            Package.project_id == package.project_id,
            Package.subdirectory == package.subdirectory,
        )
        there = self._session.scalars(query).first()
        if there is not None:
            raise Conflict(
                f'The repository "{repository.name}" has the same project already: package '
                f"{there.name or f'number {there.id}'}.",
                field="to",
            )
