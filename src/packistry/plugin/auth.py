"""The contract of a place people sign in at. It says who; core decides whether."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, ClassVar, Generic
from urllib.parse import urlsplit

from packistry.plugin import config as configuration
from packistry.plugin.config import C
from packistry.plugin.http import HttpClient


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who someone is, as the place vouches for it.

    `subject` never changes for a person at this place, and is nobody else's there. `email` is ""
    when the place names none, and `email_verified` is True only when the place has seen that the
    address is theirs. `evidence` says in a few words how that is known ("email_verified of the ID
    token"), for the audit log. `claims` is what else the place says of them: roles and rights may
    be mapped from it. `groups` are the claim "groups", where `claims` has none of this name.
    `logout_hint` is given back to `end_session`.
    """

    subject: str
    email: str = ""
    email_verified: bool = False
    name: str = ""
    groups: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    evidence: str = ""
    logout_hint: str = field(default="", repr=False)

    def values(self, claim: str) -> frozenset[str]:
        """What a claim holds, by its name or its path ("realm_access.roles"); empty without it.

        A list has several values, and so has a text with spaces, which is one value as a whole
        besides.
        """
        found = _at(self.claims, claim)
        if found is None and claim == "groups":
            found = list(self.groups)
        if isinstance(found, str):
            return frozenset(filter(None, (found, *found.split())))
        items = found if isinstance(found, list | tuple) else [found]
        return frozenset(_word(item) for item in items if isinstance(item, str | int | bool))


def _at(claims: Mapping[str, Any], path: str) -> Any:
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _word(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """Where the browser goes to sign in: an https URL, or one of this machine, else ValueError.

    `memo` is kept in this browser's session and given back once, to `finish`.
    """

    url: str
    memo: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if not is_encrypted(self.url) or parts.username is not None:
            raise ValueError("people are sent to https addresses only")


def is_encrypted(url: str) -> bool:
    """Whether what is sent to this URL is read by nobody on the way: https, or this machine."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class AuthBackend(ABC, Generic[C]):
    """A place people sign in at.

    One object serves one configured place, is kept, and is called by many requests at once.
    """

    name: ClassVar[str]
    """Stored in the database and part of URLs: lower-case letters, digits, "-". Never changes."""

    title: ClassVar[str]
    """The words on the sign-in button."""

    icon: ClassVar[str] = ""
    """An SVG for the button, "" for none. It is shown as an image: no script of it runs."""

    instructions: ClassVar[Sequence[str]] = ()
    """The steps to take at the place, one sentence each; "{callback_url}" stands for ours."""

    Config: ClassVar[type[configuration.Config]]
    """What an administrator fills in; `C` is the same class."""

    def __init__(self, config: C, http: HttpClient) -> None:
        self.config = config
        self.http = http

    @abstractmethod
    def check(self, callback_url: str) -> Sequence[str]:
        """Notes an administrator should read, usually none.

        Raises a PluginError that says what to do when nobody could sign in.
        """

    @abstractmethod
    def begin(self, callback_url: str) -> Redirect:
        """Sends a browser away; the place sends it back to `callback_url`."""

    @abstractmethod
    def finish(
        self, callback_url: str, answer: Mapping[str, str], memo: Mapping[str, str]
    ) -> Identity:
        """Who came back. `answer` is the query the browser brought, `memo` that of `begin`.

        Raises SignInRefused for anything the place does not vouch for.
        """

    def end_session(self, return_url: str, logout_hint: str) -> str | None:
        """Where a browser goes to be signed out at the place, too; None when it cannot be.

        The place may send it on to `return_url`.
        """
        return None
