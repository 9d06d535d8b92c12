"""What administrators decide about stable tags that moved."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session, joinedload

from packistry.composer.semver import InvalidVersion, normalize
from packistry.composer.versions import identity
from packistry.errors import Conflict, NotFound
from packistry.models import (
    Package,
    RefVerdict,
    Repository,
    Sync,
    SyncReason,
    TagPin,
    Version,
    VersionKind,
)
from packistry.services.access import SYSTEM, Actor, manages
from packistry.services.ledger import Ledger

_IS_OF = and_(TagPin.repository_id == Package.repository_id, TagPin.package == Package.name)


@dataclass(frozen=True, kw_only=True)
class HeldTag:
    """A tag that waits for a decision.

    `reference` is the commit the version had, `served` the one it has now ("" when it is not
    served), `held` the one the tag points to.
    """

    package_id: int
    package: str
    repository: str
    version: str
    tag: str
    reference: str
    served: str
    held: str
    held_at: datetime | None


class Protection:
    """Stable tags that moved, and what became of them."""

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
        self._ledger = ledger

    def held(self, package: Package | None = None, *, by: Actor = SYSTEM) -> list[HeldTag]:
        """The tags that are held, of one package or of all, the longest waiting first.

        Those in repositories that `by` maintains, who decides about them.
        """
        query = (
            select(TagPin, Package)
            .join(Package, _IS_OF)
            .join(Repository, Repository.id == Package.repository_id)
            .where(TagPin.held_reference != "", manages(by))
            .order_by(TagPin.held_at, TagPin.id)
        )
        if package is not None:
            query = query.where(Package.id == package.id)
        rows = self._session.execute(query.options(joinedload(Package.repository))).all()
        served = self._served({home.id for _, home in rows})
        return [_held(pin, home, served[home.id]) for pin, home in rows]

    def accept(self, package: Package, version: str, *, commit: str = "") -> Sync:
        """Let the version be what its tag points to; the sync that will make it so.

        With `commit`, a commit id or the beginning of one, only if the tag still points there.
        Raises NotFound and Conflict. What was refused before can be accepted.
        """
        pin = self._pin(package, version)
        waiting = pin.held_reference or pin.refused_reference
        _agree(pin, waiting, commit)
        pin.accepted_reference, pin.refused_reference = waiting, ""
        self._decided(package, pin)
        if package.project is None:
            raise Conflict(f"{package.name} has no project any more to import from.")
        return self._ledger.request(package.project, SyncReason.MANUAL)

    def accept_all(self, package: Package) -> Sync | None:
        """Accept all that is held; None when nothing was."""
        asked = [self.accept(package, each.version) for each in self.held(package)]
        return asked[-1] if asked else None

    def refuse(self, package: Package, version: str, *, commit: str = "") -> None:
        """Let the version be what it was, and report this commit no more.

        Raises NotFound and Conflict.
        """
        pin = self._pin(package, version)
        _agree(pin, pin.held_reference, commit)
        if not pin.held_reference:
            raise Conflict(f"The tag of {package.name} {pin.version} was refused already.")
        pin.refused_reference = pin.held_reference
        self._decided(package, pin)

    def _decided(self, package: Package, pin: TagPin) -> None:
        if pin.accepted_reference and not pin.refused_reference:
            # It was remembered as no version: have it read.
            self._session.execute(
                delete(RefVerdict)
                .where(
                    RefVerdict.package_id == package.id,
                    RefVerdict.kind == VersionKind.TAG,
                    RefVerdict.reference == pin.accepted_reference,
                )
                .execution_options(synchronize_session=False)
            )
        pin.ref, pin.held_reference, pin.held_at = "", "", None
        self._session.flush()

    def _pin(self, package: Package, version: str) -> TagPin:
        try:
            key = identity(normalize(version))
        except InvalidVersion:
            raise NotFound(f'"{version}" is not a version.') from None
        query = select(TagPin).where(
            TagPin.repository_id == package.repository_id,
            TagPin.package == package.name,
            TagPin.identity == key,
            or_(TagPin.held_reference != "", TagPin.refused_reference != ""),
        )
        pin = self._session.scalars(query).one_or_none()
        if pin is None:
            raise NotFound(f"No tag of {package.name} {version} is held.")
        return pin

    def _served(self, package_ids: Collection[int]) -> Mapping[int, Mapping[str, str]]:
        """By package: the commit of each of its released versions, by the version's identity."""
        versions = self._session.execute(
            select(Version.package_id, Version.normalized, Version.reference).where(
                Version.package_id.in_(package_ids), Version.kind == VersionKind.TAG
            )
        )
        found: dict[int, dict[str, str]] = defaultdict(dict)
        for row in versions:
            found[row.package_id][identity(row.normalized)] = row.reference
        return found


def _held(pin: TagPin, package: Package, served: Mapping[str, str]) -> HeldTag:
    return HeldTag(
        package_id=package.id,
        package=pin.package,
        repository=package.repository.path,
        version=pin.version,
        tag=pin.ref,
        reference=pin.reference,
        served=served.get(pin.identity, ""),
        held=pin.held_reference,
        held_at=pin.held_at,
    )


def _agree(pin: TagPin, waiting: str, commit: str) -> None:
    if commit and not waiting.startswith(commit.lower()):
        raise Conflict(f"The tag of {pin.version} has moved on: it points to {waiting} now.")
