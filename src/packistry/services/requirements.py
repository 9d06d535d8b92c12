"""What packages need of each other, by the version that speaks for each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from packistry.models import Package, Repository, Requirement
from packistry.services.access import Actor, readable

KEYS = (("require", False), ("require-dev", True))
LONGEST_NAME = 255


@dataclass(frozen=True, kw_only=True)
class Dependent:
    """A package that needs another one: which versions of it, and whether to develop it only."""

    id: int
    name: str
    allows: str
    dev: bool


def note(session: Session, package_id: int, manifest: Mapping[str, Any]) -> None:
    """Write down what a package needs, by the manifest that speaks for it."""
    session.execute(
        delete(Requirement)
        .where(Requirement.package_id == package_id)
        .execution_options(synchronize_session=False)
    )
    rows = {
        (name.lower(), dev): str(allows)
        for key, dev in KEYS
        for name, allows in (manifest.get(key) or {}).items()
        if "/" in name and len(name) <= LONGEST_NAME
    }
    if rows:
        session.execute(
            insert(Requirement),
            [
                {"package_id": package_id, "name": name, "dev": dev, "allows": allows}
                for (name, dev), allows in rows.items()
            ],
        )


def dependents(
    session: Session, actor: Actor, name: str, *, limit: int
) -> tuple[Sequence[Dependent], int]:
    """Who needs the package of this name, as far as the actor may know; and how many there are."""
    query = (
        select(Package.id, Package.name, Requirement.allows, Requirement.dev)
        .join(Requirement, Requirement.package_id == Package.id)
        .join(Repository, Repository.id == Package.repository_id)
        .where(Requirement.name == name, Package.name.is_not(None), readable(actor))
    )
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(query.order_by(Requirement.dev, Package.name, Package.id).limit(limit))
    found = [Dependent(id=row.id, name=row.name, allows=row.allows, dev=row.dev) for row in rows]
    return found, total
