"""The address of a host as an administrator enters it, and what shows that it is a wrong one."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import SplitResult, urlsplit

from packistry.plugin.errors import ConfigError, NotFound, Unavailable
from packistry.plugin.http import HttpResponse


def address_parts(text: str, *, example: str) -> SplitResult:
    """The parts of the web address of a host, for a validator of a `Config`.

    ValueError, which says what to enter, unless it is http or https and names a host, has a port
    that can be one, and neither user name, query nor fragment. `example` is an address such as it
    should be.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(f"must be an address such as {example}") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("must start with https:// and the name of a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be without a user name and without ? or #")
    return parts


@contextmanager
def wrong_address(missing: str = "", remedy: str = "") -> Iterator[None]:
    """Says at the field `url` that something else is there, when that is what the host answered.

    For the first request of a check. A 404, a redirect and a 2xx that was no answer of the host
    become a ConfigError of that field; a host that is away or out of order stays Unavailable.
    `missing` is what to say of a 404, "" the error's own words; `remedy` follows either.
    """
    try:
        yield
    except (NotFound, Unavailable) as error:
        gone = isinstance(error, NotFound)
        if error.response is None or not (gone or error.response.status < 400):
            raise
        said = (missing if gone else "") or str(error)
        words = f"{said} {remedy}".strip()
        failure = ConfigError(words, fields={"url": words})
        failure.response = error.response
        raise failure from error


def redirected_to(response: HttpResponse) -> str:
    """Where a redirect leads, as a message may show it: the other host, or a path on this one."""
    try:
        parts = urlsplit(response.header("Location"))
    except ValueError:
        return "another address"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" if host else parts.path or "another address"
