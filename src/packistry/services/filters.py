"""Filters as people see them: which branches and tags become versions, and by whose word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from packistry.composer.filters import DEFAULTS, RefFilter
from packistry.inputs import FilterChange, Filtered
from packistry.models import Package, RefVerdict, Source, Version, VersionKind


@dataclass(frozen=True, kw_only=True)
class FilterFacts:
    """The filter of a package or source as it is now, also before a sync has gone by it.

    Of the `known` branches and tags of the package's project it takes in `left`; both are 0 for a
    source, and before the first sync.
    """

    chosen: RefFilter
    known: int = 0
    left: int = 0

    @property
    def nothing_left(self) -> bool:
        """Whether there are branches or tags, and none is taken in."""
        return self.known > 0 and self.left == 0


class Filters:
    """The filters of packages and sources. To change one is to edit the package or source."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, about: Package | Source) -> FilterFacts:
        """The filter, with what it takes in."""
        if isinstance(about, Source):
            return FilterFacts(chosen=RefFilter.of(source=lists_of(about)))
        source = lists_of(about.project.source) if about.project else {}
        chosen = RefFilter.of(package=lists_of(about), source=source)
        refs = self._refs(about)
        left = sum(not chosen.reason(kind, name) for kind, name in refs)
        return FilterFacts(chosen=chosen, known=len(refs), left=left)

    def _refs(self, package: Package) -> set[tuple[str, str]]:
        """The branches and tags that the last sync saw."""
        versions = select(Version.kind, Version.ref).where(
            Version.package_id == package.id, Version.kind != VersionKind.UPLOAD
        )
        verdicts = select(RefVerdict.kind, RefVerdict.ref).where(
            RefVerdict.package_id == package.id
        )
        rows = [*self._session.execute(versions), *self._session.execute(verdicts)]
        return {(str(kind), name) for kind, name in rows}


def lists_of(row: Any) -> dict[str, Sequence[str] | None]:
    """The lists that a package or source has of its own, or a row of its columns; None for none."""
    return {name: getattr(row, name) for name in DEFAULTS}


def set_lists(row: Package | Source, said: Filtered | FilterChange) -> None:
    """Give the row the lists that were said, or none of its own for "inherit"."""
    for name in DEFAULTS:
        globs = getattr(said, name)
        if globs is not None:
            setattr(row, name, None if globs == "inherit" else list(globs))
