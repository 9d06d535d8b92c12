"""Pins: what is remembered of stable versions whose tags moved or went away."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from packistry.composer.versions import identity
from packistry.database import upsert
from packistry.models import Dist, Package, TagPin, Version, VersionKind
from packistry.models.base import now
from packistry.services.comparison import STABLE, KnownVersion, Pin

_COLUMNS = (
    TagPin.identity,
    TagPin.reference,
    TagPin.ref,
    TagPin.held_reference,
    TagPin.accepted_reference,
    TagPin.refused_reference,
)
_KEY = ("repository_id", "package", "identity")
_IS_OF = and_(TagPin.repository_id == Package.repository_id, TagPin.package == Package.name)


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A tag that is held: `version` was `reference`, and `ref` now points to `commit`."""

    version: str
    identity: str
    reference: str
    ref: str
    commit: str


def pins_of(session: Session, project_id: int) -> dict[int, dict[str, Pin]]:
    """The pins of all packages of a project: by the package's id, then by identity."""
    query = select(Package.id, *_COLUMNS).join(TagPin, _IS_OF)
    found: dict[int, dict[str, Pin]] = defaultdict(dict)
    for key, *values in session.execute(query.where(Package.project_id == project_id)):
        pin = _pin(values)
        found[key][pin.identity] = pin
    return found


class Pins:
    """The pins of one package while it is imported."""

    def __init__(self, package_id: int, known: Mapping[str, Pin]) -> None:
        self._package_id = package_id
        self._known = dict(known)

    def get(self, key: str) -> Pin | None:
        """What is remembered of the version of this identity."""
        return self._known.get(key)

    def load(self, session: Session) -> None:
        """Read what was remembered before the package had its name."""
        query = select(*_COLUMNS).join(Package, _IS_OF).where(Package.id == self._package_id)
        pins = [_pin(list(values)) for values in session.execute(query)]
        self._known = {pin.identity: pin for pin in pins}

    def hold(self, session: Session, holds: Sequence[Hold]) -> None:
        """These tags wait for a person's decision."""
        rows: list[dict[str, Any]] = [
            {
                "identity": hold.identity,
                "version": hold.version,
                "reference": hold.reference,
                "ref": hold.ref,
                "held_reference": hold.commit,
                "held_at": now(),
            }
            for hold in holds
        ]
        self._keep(session, rows, replace=["version", "reference", "ref", *_HELD])

    def release(self, session: Session, identities: Iterable[str]) -> None:
        """No tag of these versions waits any more."""
        held = [key for key in identities if key in self._known and self._known[key].held_reference]
        if held:
            session.execute(
                update(TagPin)
                .where(TagPin.id.in_(self._ids(session, held)))
                .values(ref="", held_reference="", held_at=None)
                .execution_options(synchronize_session=False)
            )
        for key in held:
            self._known[key] = replace(self._known[key], ref="", held_reference="")

    def remember(self, session: Session, versions: Sequence[KnownVersion]) -> None:
        """These versions go: what they were is what a tag of their number is held to."""
        releases = [version for version in versions if version.is_release]
        rows: list[dict[str, Any]] = [
            {
                "identity": version.identity,
                "version": version.name,
                "reference": version.reference,
                "ref": "",
                "held_reference": "",
                "held_at": None,
            }
            for version in releases
        ]
        self._keep(session, rows, replace=["version", "reference", "ref", *_HELD])
        want(session, [version.id for version in releases if not version.built])

    def _keep(self, session: Session, rows: list[dict[str, Any]], replace: list[str]) -> None:
        if not rows:
            return
        package = session.get_one(Package, self._package_id)
        if package.name is None:
            return
        owner = {"repository_id": package.repository_id, "package": package.name}
        blank = {"accepted_reference": "", "refused_reference": ""}
        full = [{**owner, **blank, **row} for row in rows]
        upsert(session, TagPin, full, key=_KEY, replace=replace)

    def _ids(self, session: Session, identities: Sequence[str]) -> list[int]:
        query = select(TagPin.id).join(Package, _IS_OF).where(Package.id == self._package_id)
        return list(session.scalars(query.where(TagPin.identity.in_(identities))))


_HELD = ("held_reference", "held_at")


def remember_all(session: Session, package: Package) -> None:
    """The package goes: its stable versions are remembered by name."""
    rows = _releases(session, package, package.repository_id, package.name or "")
    upsert(session, TagPin, rows, key=_KEY, replace=["version", "reference", "ref", *_HELD])


def carry(session: Session, package: Package, repository_id: int, name: str) -> None:
    """What is remembered of the package's versions holds for another name or repository, too."""
    known = session.execute(
        select(TagPin.version, *_COLUMNS)
        .join(Package, _IS_OF)
        .where(Package.id == package.id, Package.name.is_not(None))
    )
    pins = {
        row.identity: {
            **_owner(repository_id, name),
            "version": row.version,
            "identity": row.identity,
            "reference": row.reference,
            "accepted_reference": row.accepted_reference,
            "refused_reference": row.refused_reference,
        }
        for row in known
    }
    rows = _releases(session, package, repository_id, name)
    merged = [{**row, **pins.pop(row["identity"], {})} for row in rows]
    upsert(session, TagPin, [*merged, *pins.values()], key=_KEY)


def _releases(
    session: Session, package: Package, repository_id: int, name: str
) -> list[dict[str, Any]]:
    """Pins of the package's stable versions, for whatever has this name there."""
    if package.name is None:
        return []
    rows = session.execute(
        select(Version.name, Version.normalized, Version.reference).where(
            Version.package_id == package.id,
            Version.kind == VersionKind.TAG,
            Version.stability == STABLE,
        )
    )
    return [
        {
            **_owner(repository_id, name),
            "identity": identity(row.normalized),
            "version": row.name,
            "reference": row.reference,
        }
        for row in rows
    ]


def _owner(repository_id: int, name: str) -> dict[str, Any]:
    return {
        "repository_id": repository_id,
        "package": name,
        "ref": "",
        "held_reference": "",
        "held_at": None,
        "accepted_reference": "",
        "refused_reference": "",
    }


def want(session: Session, version_ids: Sequence[int]) -> None:
    """Have the dists of these versions built, if they are not, while git still has the commits."""
    if not version_ids:
        return
    dists = select(Version.dist_id).where(Version.id.in_(version_ids), Version.dist_id.is_not(None))
    session.execute(
        update(Dist)
        .where(
            Dist.id.in_(list(session.scalars(dists))),
            Dist.storage_key == "",
            Dist.failure == "",
            Dist.wanted_at.is_(None),
        )
        .values(wanted_at=now())
        .execution_options(synchronize_session=False)
    )


def _pin(values: Sequence[str]) -> Pin:
    key, reference, ref, held, accepted, refused = values
    return Pin(
        identity=key,
        reference=reference,
        ref=ref,
        held_reference=held,
        accepted_reference=accepted,
        refused_reference=refused,
    )
