"""Where we are: the public base URL that links in an answer start with."""

import re
from typing import Any
from urllib.parse import urlsplit

from packistry.composer.names import RESERVED_VENDORS

Environ = dict[str, Any]

# What a path has at its places, as regular expressions.
REPOSITORY = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
# A word of our own paths is never a vendor's.
_OURS = "|".join(sorted(word.replace(".", r"\.") for word in RESERVED_VENDORS))
VENDOR = rf"(?!(?:{_OURS})/)[a-z0-9._-]{{1,127}}"
NAME = "[a-z0-9._-]{1,127}"
REFERENCE = "[0-9A-Fa-f]{4,64}"

_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?\Z",
    re.IGNORECASE | re.ASCII,
)


def is_host(text: str) -> bool:
    """Whether it is a host, perhaps with a port, as a Host header may have it."""
    return _HOST.match(text) is not None


def base_url(environ: Environ, configured: str) -> str | None:
    """`configured` (PACKISTRY_URL) always; without it, what the request says.

    None when the request's Host cannot be one. `web.proxies` has dealt with forwarded headers.
    """
    if configured:
        return configured
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    if not is_host(host):
        return None
    scheme: str = environ["wsgi.url_scheme"]
    host = host.removesuffix(":443" if scheme == "https" else ":80")
    return f"{scheme}://{host.lower()}{environ.get('SCRIPT_NAME', '').rstrip('/')}"


class Prefix:
    """Middleware for a base URL with a path: takes the path off where the proxy did not."""

    def __init__(self, application: Any, url: str) -> None:
        self._application = application
        self._path = urlsplit(url).path.rstrip("/")

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        path: str = environ["PATH_INFO"]
        if self._path and path.startswith(self._path + "/"):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._path
            environ["PATH_INFO"] = path[len(self._path) :]
        return self._application(environ, start_response)
