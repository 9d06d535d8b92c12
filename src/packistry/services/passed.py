"""Projects that do not become packages by themselves: looked at in vain, or removed by somebody."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from packistry.database import upsert
from packistry.models import Package, PassedProject, Project
from packistry.models.base import now

LONGEST_HINT = 255
REMOVED = "Somebody removed its package."

_KEY = ("source_id", "repository_id", "external_id")
_SAID = ("path", "reason", "removed", "pushed", "looked_at")


def remember(session: Session, package: Package, reason: str, *, pushed: str = "") -> None:
    """The package, which goes, was none. `pushed` is the hint its project gave."""
    _remember(session, package, reason, pushed=pushed[:LONGEST_HINT], removed=False)


def remember_removed(session: Session, package: Package) -> None:
    """A person removes the package: its project does not become one again by itself."""
    # Only what is at the top of a project is found by itself.
    if not package.subdirectory:
        _remember(session, package, REMOVED, pushed="", removed=True)


def forget(session: Session, package: Package) -> None:
    """The package is to be, by whosever word."""
    project = package.project
    if project is not None and not package.subdirectory:
        session.execute(
            delete(PassedProject)
            .where(
                PassedProject.source_id == project.source_id,
                PassedProject.repository_id == package.repository_id,
                PassedProject.external_id == project.external_id,
            )
            .execution_options(synchronize_session=False)
        )


def _remember(session: Session, package: Package, reason: str, **facts: object) -> None:
    project: Project | None = package.project
    if project is None:
        return
    row = {
        "source_id": project.source_id,
        "repository_id": package.repository_id,
        "external_id": project.external_id,
        "path": project.path,
        "reason": reason,
        "looked_at": now(),
        **facts,
    }
    upsert(session, PassedProject, [row], key=_KEY, replace=_SAID)
