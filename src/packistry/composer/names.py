"""Which names a package may have, and which names a link may point to."""

import re

from packistry.composer.text import quoted

MAX_NAME_LENGTH = 200

RESERVED_VENDORS = frozenset(
    {
        "admin",
        "api",
        "auths",
        "dists",
        "downloads",
        "favicon.ico",
        "healthz",
        "incoming",
        "list.json",
        "login",
        "logout",
        "metrics",
        "p2",
        "packages.json",
        "providers",
        "r",
        "readyz",
        "robots.txt",
        "search.json",
        "setup",
        "static",
    }
)
"""First words of this server's own paths: a package of such a vendor could not be reached."""

_VENDOR = r"[a-z0-9](?:[_.-]?[a-z0-9]++)*+"
_PROJECT = r"[a-z0-9](?:(?:[_.]|-{1,2})?[a-z0-9]++)*+"
_VENDOR_NAME = re.compile(rf"{_VENDOR}\Z")
_PACKAGE_NAME = re.compile(rf"{_VENDOR}/{_PROJECT}\Z")
_PLATFORM_NAME = re.compile(
    r"(?:php(?:-64bit|-ipv6|-zts|-debug)?|hhvm|(?:ext|lib)-[a-z0-9](?:[_.-]?[a-z0-9]++)*+"
    r"|composer(?:-(?:plugin|runtime)-api)?)\Z"
)
_DEVICE_NAMES = frozenset(
    {"nul", "con", "prn", "aux"}
    | {f"com{number}" for number in range(1, 10)}
    | {f"lpt{number}" for number in range(1, 10)}
)


class InvalidName(ValueError):
    """A name that no package may have. `reason` is a sentence for whoever chose it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_package_name(name: str) -> None:
    """Raise InvalidName unless a package of this name can be kept and served here.

    The rule of Composer 2.2.13 and later; lower case is required; words of our own paths are not
    available as vendors.
    """
    _check_shape(name)
    vendor = name.partition("/")[0]
    if vendor in RESERVED_VENDORS:
        raise InvalidName(f'the vendor "{vendor}" is a word of this server\'s own paths')


def usable_name(name: str | None) -> str | None:
    """The name if a package may have it, else None."""
    try:
        check_package_name(name or "")
    except InvalidName:
        return None
    return name


def check_link_name(name: str) -> None:
    """Raise InvalidName unless a link may point to this name: a package's or a platform's."""
    if not is_platform_name(name):
        _check_shape(name)


def check_vendor_name(vendor: str) -> None:
    """Raise InvalidName unless packages of this vendor can exist here."""
    if len(vendor) > MAX_NAME_LENGTH or not _VENDOR_NAME.match(vendor):
        raise InvalidName(
            f"{quoted(vendor)} is not a vendor name: words of a-z and 0-9 joined by -, . or _"
        )
    if vendor in _DEVICE_NAMES or vendor in RESERVED_VENDORS:
        raise InvalidName(f'the vendor "{vendor}" is reserved')


def is_package_name(name: str) -> bool:
    """Whether `check_package_name` accepts it."""
    try:
        check_package_name(name)
    except InvalidName:
        return False
    return True


def is_platform_name(name: str) -> bool:
    """Whether it names PHP, an extension, a library or Composer itself, in lower case."""
    return _PLATFORM_NAME.match(name) is not None


def _check_shape(name: str) -> None:
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidName(f"{quoted(name)} is longer than {MAX_NAME_LENGTH} characters")
    if is_platform_name(name):
        raise InvalidName(f"{quoted(name)} is a name of the platform, not of a package")
    if not _PACKAGE_NAME.match(name):
        raise InvalidName(_shape_reason(name))
    if name.endswith(".json"):
        raise InvalidName(f"{quoted(name)} ends in .json, which no package name may")
    for part in name.split("/"):
        if part in _DEVICE_NAMES:
            raise InvalidName(f'{quoted(name)} holds "{part}", which names a device on Windows')


def _shape_reason(name: str) -> str:
    if _PACKAGE_NAME.match(name.lower()) and name.isascii():
        return f"{quoted(name)} must be in lower case: {quoted(name.lower())}"
    return (
        f"{quoted(name)} is not a package name: vendor/name, each of words of a-z and 0-9 "
        "joined by -, . or _"
    )
