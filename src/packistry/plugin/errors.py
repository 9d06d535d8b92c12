"""What a plugin raises. The text of each is shown to an administrator as it stands."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from packistry.errors import PackistryError
from packistry.git.redaction import plain, redact

if TYPE_CHECKING:
    from packistry.plugin.http import HttpResponse


class PluginError(PackistryError):
    """A fault a plugin can explain: one sentence, without a secret, saying what to do.

    Of the text, control characters, tokens of known shapes and what is beyond 4 KB are left out.
    `response` is the host's answer when one was the cause, None otherwise.
    """

    def __init__(self, message: str, *, response: "HttpResponse | None" = None) -> None:
        # Much of it is a host's words, which may hold escapes, markup or what we sent.
        super().__init__(redact(plain(message)))
        self.response = response


class ConfigError(PluginError):
    """A configuration cannot work. `fields` has a message per field, "" being the whole."""

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields: Mapping[str, str] = {
            name: redact(plain(fault)) for name, fault in (fields or {}).items()
        }


class CredentialsError(PluginError):
    """The credentials are wrong, expired, or lack a scope; the text says which."""


class NotFound(PluginError):
    """The host has no such thing, or hides it from these credentials: hosts do not say which."""


class RateLimited(PluginError):
    """The host asks us to come back later: in `retry_after` seconds, at least 1."""

    def __init__(
        self, message: str, *, retry_after: float = 60, response: "HttpResponse | None" = None
    ) -> None:
        super().__init__(message, response=response)
        self.retry_after = max(1.0, retry_after)


class Unavailable(PluginError):
    """The host does not answer, or not sensibly. The same request may work later."""


class Rejected(PluginError):
    """The host understood and said no (400, 409, 422 …). The same request will not work later."""


class UnsafeContent(PluginError):
    """One ref holds something that is not served, such as a link out of its tree."""


class InvalidWebhook(PluginError):
    """A delivery that is not signed with the secret, or cannot be read."""


class UnreadableWebhook(InvalidWebhook):
    """A delivery that is signed with the secret, and cannot be read."""


class SignInRefused(PluginError):
    """The place people sign in at did not vouch for this person."""


class InvalidKey(PluginError, ValueError):
    """A storage key that breaks the rules of `check_key`."""


class StorageConflict(PluginError):
    """Other bytes are kept under this key already; what is kept never changes."""
