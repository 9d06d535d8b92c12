"""Branch names as versions."""

import re

from packistry.composer.semver.errors import InvalidVersion
from packistry.composer.semver.text import END, trim

MAX_VERSION_LENGTH = 300
"""Characters in a version or branch name; git itself stops at 255 bytes on most file systems."""

_WILDCARD = "9999999"
_NUMERIC = re.compile(
    r"v?(\d++)(?:\.(\d++|[xX*]))?(?:\.(\d++|[xX*]))?(?:\.(\d++|[xX*]))?\Z",
    re.ASCII | re.IGNORECASE,
)
_NUMERIC_ALIAS = re.compile(r"((?:\d++\.)*\d++)(?:\.x)?-dev" + END, re.ASCII | re.IGNORECASE)


def is_branch(version: str) -> bool:
    """Whether a normalised version is a branch without a number, which compares to nothing."""
    return version.startswith("dev-")


def check_length(version: str) -> None:
    """Raises InvalidVersion for more than MAX_VERSION_LENGTH characters."""
    if len(version) > MAX_VERSION_LENGTH:
        raise InvalidVersion(
            f"a version of {len(version)} characters is longer than {MAX_VERSION_LENGTH}"
        )


def normalize_branch(name: str) -> str:
    """`1.x` -> `1.9999999.9999999.9999999-dev`, `feature/x` -> `dev-feature/x`.

    Raises InvalidVersion only for a name longer than MAX_VERSION_LENGTH.
    """
    check_length(name)
    return numeric_branch(name) or "dev-" + trim(name)


def numeric_branch(name: str) -> str | None:
    """The comparable form of a branch named after a number, None for any other name."""
    match = _NUMERIC.match(trim(name))
    if match is None:
        return None
    parts = (_WILDCARD if part in {None, "x", "X", "*"} else part for part in match.groups())
    return ".".join(parts) + "-dev"


def parse_numeric_alias_prefix(name: str) -> str | None:
    """`1.2.x-dev` -> `1.2.`; None if the name is not a plain numeric branch."""
    if len(name) > MAX_VERSION_LENGTH:
        return None
    match = _NUMERIC_ALIAS.match(name)
    return match[1] + "." if match else None
