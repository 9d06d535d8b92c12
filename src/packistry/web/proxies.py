"""Reverse proxies: whose forwarded headers are believed. Everyone else's are removed."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from packistry.web.addresses import Environ, is_host

FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_FORWARDED_SCHEME",
    "HTTP_X_FORWARDED_SSL",
    "HTTP_X_FORWARDED_BY",
    "HTTP_X_REAL_IP",
)

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+\Z", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}\Z", re.ASCII)


class Proxies:
    """Middleware that believes peers in `networks` only.

    Their X-Forwarded-For, -Proto, -Host, -Port and -Prefix become the request's own. From any peer
    these headers are gone afterwards, and so is Forwarded.
    """

    def __init__(self, application: Any, networks: Iterable[str]) -> None:
        self._application = application
        self._networks = tuple(ipaddress.ip_network(network, strict=False) for network in networks)

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        if self._networks and _within(environ.get("REMOTE_ADDR", ""), self._networks):
            self._believe(environ)
        for name in FORWARDED:
            if name in environ:
                del environ[name]
        return self._application(environ, start_response)

    def _believe(self, environ: Environ) -> None:
        client = self._client(environ.get("HTTP_X_FORWARDED_FOR", ""))
        if client:
            environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = client
        scheme = _last(environ, "HTTP_X_FORWARDED_PROTO").lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last(environ, "HTTP_X_FORWARDED_HOST")
        if host and is_host(host):
            port = _last(environ, "HTTP_X_FORWARDED_PORT")
            bare = ":" not in host.rpartition("]")[2]
            environ["HTTP_HOST"] = f"{host}:{port}" if bare and _PORT.match(port) else host
        prefix = _last(environ, "HTTP_X_FORWARDED_PREFIX").rstrip("/")
        if prefix and _PREFIX.match(prefix):
            environ["SCRIPT_NAME"] = prefix

    def _client(self, forwarded: str) -> str:
        """The nearest address that is none of ours: what stands further left anyone can write."""
        for address in reversed([part.strip() for part in forwarded.split(",")]):
            try:
                ipaddress.ip_address(address)
            except ValueError:
                return ""
            if not _within(address, self._networks):
                return address
        return ""


@lru_cache(maxsize=1024)
def _within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    # A socket that listens on both families shows an IPv4 peer as ::ffff:a.b.c.d.
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)


def _last(environ: Environ, name: str) -> str:
    """A proxy appends: the last value is the nearest proxy's own."""
    text: str = environ.get(name, "")
    return text.rpartition(",")[2].strip()
