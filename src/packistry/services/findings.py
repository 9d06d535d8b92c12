"""What an import has found out about the refs of a package."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packistry.composer.manifest import Manifest
from packistry.composer.versions import VersionName
from packistry.models import Outcome
from packistry.plugin import Ref
from packistry.services.comparison import KnownVersion, Verdict
from packistry.services.dists import StoredFile
from packistry.services.pins import Hold


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a package says of itself. `name` is None where it says none that could be one."""

    name: str | None
    description: str
    type: str
    keywords: tuple[str, ...]
    abandoned: bool | str
    readme: str
    readme_html: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Record:
    """A ref that is now a version.

    `file`: its dist, if it was built for this. `facts`: what the package says by it, if it is the
    default branch.
    """

    ref: Ref
    name: VersionName
    manifest: Manifest
    notice: str = ""
    file: StoredFile | None = None
    facts: Facts | None = None


@dataclass(frozen=True, kw_only=True)
class Item:
    """A ref that is no version.

    `verdict` None: it is read again next time. `removes`: the version it was. `hold`: it may
    become one when a person says so.
    """

    ref: Ref
    outcome: Outcome
    reason: str
    verdict: Verdict | None = None
    removes: KnownVersion | None = None
    hold: Hold | None = None
