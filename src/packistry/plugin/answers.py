"""What the status of an answer means, in the words of the host that gave it."""

import json
import re
import time
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from packistry.plugin.errors import (
    CredentialsError,
    NotFound,
    PluginError,
    RateLimited,
    Rejected,
    Unavailable,
)

if TYPE_CHECKING:
    from packistry.plugin.http import HttpResponse

_DAY = 86400.0
_PAUSE = 60.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_LONGEST = 300
_SAID = ("message", "error_description", "error", "errors", "fields", "detail")


def raise_for_status(
    method: str, place: str, response: "HttpResponse", *, secrets: Iterable[str]
) -> None:
    """Raises the PluginError for what is no 2xx. `secrets` are never repeated in its text."""
    status = response.status
    if 200 <= status < 300:
        return
    words = host_words(response, secrets)
    message = f"{method} {place} answered {status}" + (f": {words}" if words else ".")
    if 300 <= status < 400:
        message = f"{place} redirects to {place_of(response.header('Location'))}; nobody followed."
    if _is_rate_limit(response, words):
        pause = retry_after(response)
        message = f"{message.rstrip('.')}. Too much was asked of it: wait {pause:.0f} seconds."
        raise RateLimited(message, retry_after=pause, response=response)
    if status >= 500 and not words:
        message += " The host, or a proxy before it, is out of order: try again later."
    raise _error_class(status)(message, response=response)


def place_of(url: str) -> str:
    """The URL as a message may show it: one printable line, no user name, no query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the address"
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return _CONTROL.sub(" ", shown)[:_LONGEST]


def retry_after(response: "HttpResponse") -> float:
    """Seconds the host asks us to wait, 1 to 86400; 60 when it does not say."""
    asked = response.header("Retry-After")
    for name in ("X-RateLimit-Reset", "RateLimit-Reset"):
        if not asked and response.header(name).isdecimal():
            moment = int(response.header(name))
            # An hour of seconds is an hour; anything larger is a moment since 1970.
            return _bounded(moment - time.time() if moment > _DAY * 365 else moment)
    if asked.isascii() and asked.isdecimal():
        return _bounded(int(asked))
    try:
        return _bounded(parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return _PAUSE


def host_words(response: "HttpResponse", secrets: Iterable[str] = ()) -> str:
    """What the host said in its JSON error: one printable line; "" when it said nothing."""
    if "json" not in response.header("Content-Type"):
        return ""
    try:
        said = _message(json.loads(response.body))
    except (ValueError, RecursionError):
        return ""
    for secret in secrets:
        for part in secret.split():
            said = said.replace(part, "****") if len(part) > 7 else said
    return _CONTROL.sub(" ", said).strip()[:_LONGEST]


def _message(document: Any, *, inner: bool = False) -> str:
    """Hosts say it as message, error, error.message, error_description, errors or by field."""
    if isinstance(document, str):
        return document
    if isinstance(document, list):
        return "; ".join(filter(None, (_message(each, inner=True) for each in document[:5])))
    if not isinstance(document, dict):
        return ""
    found = [_message(document[key], inner=True) for key in _SAID if document.get(key)]
    if inner and not any(found):
        found = [_of_field(key, document[key]) for key in list(document)[:5]]
    return "; ".join(dict.fromkeys(filter(None, found)))


def _of_field(name: str, said: Any) -> str:
    words = _message(said, inner=True)
    # What is wrong with the whole, GitLab says below this name.
    return f"{name}: {words}" if words and name != "base" else words


def _is_rate_limit(response: "HttpResponse", words: str) -> bool:
    if response.status == 429:
        return True
    if response.status == 503:
        return bool(response.header("Retry-After"))
    if response.status != 403:
        return False
    left = {response.header(name) for name in ("X-RateLimit-Remaining", "RateLimit-Remaining")}
    limited = any(each in words.lower() for each in ("rate limit", "abuse detection"))
    return "0" in left or bool(response.header("Retry-After")) or limited


def _error_class(status: int) -> type[PluginError]:
    if status in (401, 403):
        return CredentialsError
    if status in (404, 410):
        return NotFound
    # 408 and 425 mean "again", 423 and 451 mean "not now".
    if 400 <= status < 500 and status not in (408, 423, 425, 451):
        return Rejected
    return Unavailable


def _bounded(seconds: float) -> float:
    return min(max(seconds, 1.0), _DAY)
