"""The contract of a place people sign in at. It says who; core decides whether."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic
from urllib.parse import urlsplit

from packistry.plugin import config as configuration
from packistry.plugin.config import C
from packistry.plugin.http import HttpClient


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who someone is, as the place vouches for it.

    `subject` never changes for a person at this place. `email_verified` is True only when the
    place has seen that the address is theirs. `groups` is empty when the place names none.
    """

    subject: str
    email: str
    email_verified: bool
    name: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """Where the browser goes to sign in: an https URL, else ValueError.

    `memo` is kept in this browser's session and given back once, to `finish`.
    """

    url: str
    memo: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError("people are sent to https addresses only")


class AuthBackend(ABC, Generic[C]):
    """A place people sign in at. One object serves one configured place."""

    name: ClassVar[str]
    """Stored in the database and part of URLs: lower-case letters, digits, "-". Never changes."""

    title: ClassVar[str]
    """The words on the sign-in button."""

    icon: ClassVar[str] = ""
    """An SVG for the button, "" for none."""

    Config: ClassVar[type[configuration.Config]]
    """What an administrator fills in; `C` is the same class."""

    def __init__(self, config: C, http: HttpClient) -> None:
        self.config = config
        self.http = http

    @abstractmethod
    def check(self) -> None:
        """Raises a PluginError that says what to do when nobody could sign in."""

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
