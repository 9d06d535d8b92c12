"""composer.json: from bytes to the part of it that is served."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from packistry.composer.credits import read_abandoned, read_credits
from packistry.composer.findings import Findings
from packistry.composer.installation import check_path, read_installation, without_unset
from packistry.composer.json_text import BadManifest, described, parse
from packistry.composer.links import LINK_TYPES, read_links, read_suggest

__all__ = ["BadManifest", "Manifest", "check", "parse"]

_UNIX_TIME = re.compile(r"[0-9]{1,11}\Z")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One composer.json that Composer can load and install.

    `name` is in lower case and otherwise as written: `names.check_package_name` decides whether a
    package may have it. `version` is what the author typed, "" included; only tags and uploads
    heed it. `time` is what the author typed, in UTC. `abandoned` is False, True or the name of
    a replacement. `readme` is a path inside the package. `metadata` is what a version of it serves
    (see `documents.version_entry`), without name, version and abandoned. `notices` say what was
    left out and why.
    """

    name: str | None
    version: str | None
    description: str
    type: str
    keywords: tuple[str, ...]
    abandoned: bool | str
    readme: str | None
    time: datetime | None
    metadata: Mapping[str, Any]
    notices: tuple[str, ...]


def check(raw: Mapping[str, Any], *, dev: bool = False) -> Manifest:
    """The manifest of one version. Raises BadManifest with every reason found.

    `dev`: it is the version of a branch, where Composer ignores a typed version and reads
    branch aliases. What Composer ignores or only warns about is left out with a notice.
    """
    findings = Findings()
    clean = {
        key: value if key in LINK_TYPES else without_unset(value)
        for key, value in raw.items()
        if value != "__unset"
    }
    name = _text_or_none(clean, "name", findings)
    version = None if dev else _text_or_none(clean, "version", findings)
    metadata = read_credits(clean, findings) | read_installation(clean, dev, findings)
    metadata |= read_links(clean, findings)
    suggested = read_suggest(clean.get("suggest"), findings)
    if suggested:
        metadata["suggest"] = suggested
    abandoned = read_abandoned(clean.get("abandoned"), findings)
    if findings.problems:
        raise BadManifest(*findings.problems)
    return Manifest(
        name=None if name is None else name.strip().lower() or None,
        version=version,
        description=metadata.get("description", ""),
        type=metadata["type"],
        keywords=tuple(metadata.get("keywords", ())),
        abandoned=abandoned,
        readme=_readme(clean.get("readme")),
        time=_time(clean.get("time")),
        metadata=metadata,
        notices=tuple(findings.notices),
    )


def _text_or_none(raw: Mapping[str, Any], key: str, findings: Findings) -> str | None:
    value = raw.get(key)
    if value is None or isinstance(value, str):
        return value
    findings.refuse(key, f"must be a text, not {described(value)}")
    return None


def _readme(value: Any) -> str | None:
    if not isinstance(value, str) or check_path(value):
        return None
    return value.strip("/") or None


def _time(value: Any) -> datetime | None:
    """A typed release time: ISO 8601 or seconds since 1970. None: absent, or not readable."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        if _UNIX_TIME.match(text):
            return datetime.fromtimestamp(int(text), UTC)
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
