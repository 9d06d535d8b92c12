"""How tags, branches and uploads are named as versions: the rules of Composer's VCS importer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from packistry.composer.semver import (
    InvalidConstraint,
    InvalidVersion,
    normalize,
    normalize_branch,
    parse_constraints,
    parse_stability,
)
from packistry.composer.text import has_unseen_characters, quoted

MAX_VERSION_LENGTH = 255

_DEV_MARKS = re.compile(r"^dev-|[.-]?dev\Z", re.IGNORECASE)
_DEV_SUFFIX = re.compile(r"[.-]?dev\Z", re.IGNORECASE)
_ANY_NUMBERS = re.compile(r"(?:\.9{7})+")

_NOT_IN_A_VERSION = re.compile(r"[\s#]")

# Composer takes it for a constraint, too.
_PLAIN = re.compile(r"v?[0-9]{1,5}(?:\.[0-9]+){0,3}\Z")

_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


class SkippedRef(ValueError):
    """A ref that names no version. `reason` is a sentence for whoever named it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class VersionName:
    """`pretty` is what people see and write, `normalized` what Composer compares and we key by."""

    pretty: str
    normalized: str

    @property
    def dev(self) -> bool:
        """Whether it belongs into the `~dev` document."""
        return parse_stability(self.normalized) == "dev"

    @property
    def identity(self) -> str:
        """Equal for two versions that Composer takes for one: "1.01" and "1.1".

        Of several tags with one identity only the first, in `order_tags`, is a version.
        """
        return identity(self.normalized)


@lru_cache(maxsize=2048)
def identity(normalized: str) -> str:
    """Equal for two normalised versions that Composer takes for one: "1.01.0.0" and "1.1.0.0"."""
    dev = parse_stability(normalized) == "dev"
    return normalized if dev else _LEADING_ZEROS.sub("", normalized)


def version_of_tag(tag: str, manifest_version: str | None = None) -> VersionName:
    """The version a tag names. Raises SkippedRef.

    `tag` is the short name. A version typed in the tag's composer.json must be equal once
    normalised, and gives the spelling.
    """
    text = tag.replace("release-", "")
    parsed = _normalized(text, "tag", tag)
    if _DEV_MARKS.search(parsed):
        raise SkippedRef(f"the tag {quoted(tag)} is a dev version, which only a branch can be")
    if manifest_version is None:
        return _usable(VersionName(pretty=text, normalized=parsed))
    typed = manifest_version.strip()
    normalized = _DEV_MARKS.sub("", _normalized(typed, "version", typed))
    if normalized != parsed:
        raise SkippedRef(
            f"the tag {quoted(tag)} does not match the version {quoted(typed)} in composer.json"
        )
    return _usable(VersionName(pretty=_DEV_SUFFIX.sub("", typed), normalized=parsed))


def version_of_branch(branch: str) -> VersionName:
    """The dev version a branch names. Raises SkippedRef. `branch` is the short name."""
    # Clients read "#" as the start of a commit reference, so Composer 2.7.8 and later write "+".
    try:
        normalized = normalize_branch(branch)
    except InvalidVersion as error:
        raise SkippedRef(f"the branch {quoted(branch)} is no version: {error}") from None
    if normalized.startswith("dev-"):
        text = branch.replace("#", "+")
        name = VersionName(pretty=f"dev-{text}", normalized=normalized.replace("#", "+"))
    else:
        prefix = "v" if branch.startswith("v") else ""
        name = VersionName(
            pretty=prefix + _ANY_NUMBERS.sub(".x", normalized), normalized=normalized
        )
    return _usable(name)


def version_of_upload(version: str) -> VersionName:
    """The version an upload calls itself, a dev version too. Raises SkippedRef."""
    text = version.strip()
    normalized = _normalized(text, "version", text)
    return _usable(VersionName(pretty=text, normalized=normalized))


def order_tags(names: Iterable[str]) -> list[str]:
    """Tags in the order Composer reads them. Of several that name one version, the first wins."""
    return sorted(names, key=_ref_order)


def order_branches(names: Iterable[str], default: str | None) -> list[str]:
    """Branches in the order Composer reads them, the default branch first."""
    return sorted(names, key=lambda name: (name != default, _ref_order(name)))


def _ref_order(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _normalized(text: str, what: str, written: str) -> str:
    try:
        return normalize(text)
    except InvalidVersion:
        raise SkippedRef(f"the {what} {quoted(written)} is not a version") from None


def _usable(name: VersionName) -> VersionName:
    """The same name. Both spellings must be constraints: links by self.version become them."""
    if len(name.pretty) > MAX_VERSION_LENGTH:
        raise SkippedRef(f"{quoted(name.pretty)} is longer than {MAX_VERSION_LENGTH} characters")
    if _NOT_IN_A_VERSION.search(name.pretty):
        raise SkippedRef(f'{quoted(name.pretty)} holds a space or a "#"')
    # Composer's own trim takes a NUL away, and what follows a "+" may be anything.
    if has_unseen_characters(name.pretty):
        raise SkippedRef(f"{quoted(name.pretty)} holds control characters")
    for text in (name.normalized, name.pretty):
        if _PLAIN.match(text):
            continue
        try:
            parse_constraints(text)
        except InvalidConstraint:
            raise SkippedRef(f"{quoted(name.pretty)} cannot be used in a constraint") from None
    return name
