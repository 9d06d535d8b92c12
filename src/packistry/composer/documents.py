"""The documents Composer reads, as plain dicts ready for JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from packistry.composer.links import LINK_TYPES
from packistry.composer.minifier import minify
from packistry.composer.patterns import Pattern
from packistry.composer.semver import parse_stability, sort_key

MAX_AVAILABLE_NAMES = 20_000
"""A longer list of names costs clients more than it spares them: patterns take its place."""

NO_PACKAGE = "-/-"
"""A pattern no package name matches. Composer reads an empty list as "no list at all"."""

COMPOSER_1_WARNING = (
    "Composer 1 cannot read this repository. Upgrade to Composer 2: https://getcomposer.org/2"
)

EMISSION_ORDER = (
    "name",
    "description",
    "keywords",
    "homepage",
    "version",
    "version_normalized",
    "license",
    "authors",
    "source",
    "dist",
    "type",
    "support",
    "php-ext",
    "funding",
    "time",
    "autoload",
    "extra",
    "target-dir",
    "include-path",
    "bin",
    "default-branch",
    "require",
    "require-dev",
    "suggest",
    "conflict",
    "provide",
    "replace",
    "abandoned",
)

_FACTS = frozenset(
    {"name", "version", "version_normalized", "source", "dist", "time", "default-branch"}
    | {"abandoned"}
)


class NothingToInstall(ValueError):
    """A version without dist and source that is no metapackage: clients could not install it."""


@dataclass(frozen=True, kw_only=True)
class Dist:
    """An archive for download. `url` holds the reference; `shasum` is SHA-1 of the bytes or ""."""

    url: str
    reference: str
    shasum: str = ""
    type: str = "zip"

    def __post_init__(self) -> None:
        _check_place(self.url, self.reference)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A git repository and the commit in it."""

    url: str
    reference: str
    type: str = "git"

    def __post_init__(self) -> None:
        _check_place(self.url, self.reference)


@dataclass(frozen=True, kw_only=True)
class VersionFacts:
    """What the server knows of a version, next to its composer.json.

    `abandoned` is the package's: False, True or the name of a replacement.
    """

    pretty: str
    normalized: str
    time: datetime | None = None
    dist: Dist | None = None
    source: Source | None = None
    default_branch: bool = False
    abandoned: bool | str = False


@dataclass(frozen=True, kw_only=True)
class FoundPackage:
    """A row of a search answer. `abandoned` as in `VersionFacts`."""

    name: str
    description: str = ""
    url: str = ""
    repository: str = ""
    downloads: int = 0
    favers: int = 0
    abandoned: bool | str = False


@dataclass(frozen=True, kw_only=True)
class ProvidingPackage:
    """A package whose `provide` names the one asked for."""

    name: str
    description: str = ""
    type: str = "library"


def packages_json(
    *, base_url: str, names: Iterable[str], reserved_vendors: Iterable[str] = ()
) -> dict[str, Any]:
    """The root document of a repository at `base_url` (no slash at its end; "" at the root).

    `names` are the packages the asker may see; `reserved_vendors` those whose every name is
    answered for here.
    """
    return {
        "packages": [],
        "metadata-url": f"{base_url}/p2/%package%.json",
        **_available(sorted(set(names)), sorted(set(reserved_vendors))),
        "list": f"{base_url}/list.json",
        "search": f"{base_url}/search.json?q=%query%&type=%type%",
        "providers-api": f"{base_url}/providers/%package%.json",
        "notify-batch": f"{base_url}/downloads",
        "warning": COMPOSER_1_WARNING,
        "warning-versions": "<1.999",
    }


def version_entry(name: str, metadata: Mapping[str, Any], facts: VersionFacts) -> dict[str, Any]:
    """One version, complete. `metadata` is a `Manifest.metadata`. Raises NothingToInstall."""
    entry = {key: value for key, value in metadata.items() if key not in _FACTS}
    entry |= {"name": name, "version": facts.pretty, "version_normalized": facts.normalized}
    entry.setdefault("type", "library")
    if facts.dist is None and facts.source is None and entry["type"] != "metapackage":
        raise NothingToInstall(f"{name} {facts.pretty} has neither a dist nor a source")
    entry |= _places(facts)
    if facts.time is not None:
        entry["time"] = facts.time.astimezone(UTC).isoformat(timespec="seconds")
    if facts.default_branch:
        entry["default-branch"] = True
    if facts.abandoned:
        entry["abandoned"] = facts.abandoned
    _drop_links_to(name, entry)
    return {key: entry[key] for key in EMISSION_ORDER if key in entry}


def stable_document(name: str, entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`p2/{name}.json`: the versions that are not dev, newest first."""
    return package_document(name, [entry for entry in entries if not _is_dev(entry)])


def dev_document(name: str, entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`p2/{name}~dev.json`: the dev versions, newest first."""
    return package_document(name, [entry for entry in entries if _is_dev(entry)])


def package_document(
    name: str, entries: Iterable[Mapping[str, Any]], *, minified: bool = True
) -> dict[str, Any]:
    """A p2 document of these `version_entry` objects, newest first."""
    ordered = sorted(
        (dict(entry) for entry in entries),
        key=lambda entry: (sort_key(entry["version_normalized"]), entry["version_normalized"]),
        reverse=True,
    )
    if not minified:
        return {"packages": {name: ordered}}
    return {"minified": "composer/2.0", "packages": {name: minify(ordered)}}


def list_document(names: Iterable[str], *, pattern: str = "", vendor: str = "") -> dict[str, Any]:
    """The package names, in order. `pattern` may hold `*`; "" leaves nothing out."""
    matching = Pattern(pattern or "*")
    prefix = f"{vendor.lower()}/" if vendor else ""
    return {
        "packageNames": [
            name
            for name in sorted(set(names))
            if name.startswith(prefix) and matching.matches(name)
        ]
    }


def search_document(
    results: Iterable[FoundPackage], *, total: int, next_url: str | None = None
) -> dict[str, Any]:
    """One page of a search; `total` counts all pages, `next_url` is the next one's address."""
    document: dict[str, Any] = {"results": [_found(row) for row in results], "total": total}
    if next_url is not None:
        document["next"] = next_url
    return document


def providers_document(name: str, providers: Iterable[ProvidingPackage]) -> dict[str, Any]:
    """The packages that provide `name`, which is not among them itself."""
    return {
        "providers": [
            {"name": row.name, "description": row.description, "type": row.type}
            for row in providers
            if row.name != name
        ]
    }


def _check_place(url: str, reference: str) -> None:
    # A word with a dash in front could be an option of the tool the client starts.
    if not url or not reference or url.lstrip().startswith("-") or reference.startswith("-"):
        raise ValueError(f"not a place to install from: {url!r} at {reference!r}")


def _available(names: Sequence[str], vendors: Sequence[str]) -> dict[str, Any]:
    listed: dict[str, Any] = {}
    patterns = {f"{vendor}/*" for vendor in vendors}
    if len(names) > MAX_AVAILABLE_NAMES:
        patterns |= {f"{name.partition('/')[0]}/*" for name in names}
    elif names:
        listed["available-packages"] = names
    if not names and not patterns:
        patterns = {NO_PACKAGE}
    if patterns:
        listed["available-package-patterns"] = sorted(patterns)
    return listed


def _places(facts: VersionFacts) -> dict[str, dict[str, str]]:
    places = {}
    if facts.source is not None:
        places["source"] = {
            "type": facts.source.type,
            "url": facts.source.url,
            "reference": facts.source.reference,
        }
    if facts.dist is not None:
        places["dist"] = {
            "type": facts.dist.type,
            "url": facts.dist.url,
            "reference": facts.dist.reference,
            "shasum": facts.dist.shasum,
        }
    return places


def _drop_links_to(name: str, entry: dict[str, Any]) -> None:
    """A package's links to itself mean nothing; Composer drops them too."""
    for link_type in LINK_TYPES:
        if name in entry.get(link_type, ()):
            entry[link_type] = {key: link for key, link in entry[link_type].items() if key != name}


def _is_dev(entry: Mapping[str, Any]) -> bool:
    return parse_stability(entry["version_normalized"]) == "dev"


def _found(row: FoundPackage) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": row.name,
        "description": row.description,
        "url": row.url,
        "repository": row.repository,
        "downloads": row.downloads,
        "favers": row.favers,
    }
    if row.abandoned:
        found["abandoned"] = row.abandoned
    return found
