"""A requests transport that connects only to addresses the netguard has checked."""

import socket
import ssl
from typing import Any, Protocol

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError


class Guard(Protocol):
    """What decides where we may connect: `packistry.netguard.NetGuard`, or a test's own."""

    def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of the host, all of them allowed. AddressRefused when one is not."""


class GuardedAdapter(HTTPAdapter):
    """Resolves each host once, by the guard, and connects to just that address.

    So a name that answers another address the second time gains nothing. TLS and the Host header
    still carry the name. No proxy is used and nothing is tried twice. Certificates that the
    machine trusts are good as well as those that requests brings along.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        kwargs["ssl_context"] = ssl.create_default_context()
        super().init_poolmanager(*args, **kwargs)
        pools: PoolManager = self.poolmanager
        pools.pool_classes_by_scheme = _pool_classes(self._guard)


def _pool_classes(guard: Guard) -> dict[str, type[HTTPConnectionPool]]:
    class PlainConnection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, guard)

    class TLSConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, guard)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TLSPool(HTTPSConnectionPool):
        ConnectionCls = TLSConnection

    return {"http": PlainPool, "https": TLSPool}


def _connect(connection: HTTPConnection, guard: Guard) -> socket.socket:
    port = connection.port or connection.default_port
    problem: OSError = OSError("the name has no address")
    for address in guard.resolve(connection.host.strip("[]"), port):
        try:
            made = socket.create_connection((address, port), _seconds(connection))
        except OSError as error:
            problem = error
            continue
        for option in connection.socket_options or ():
            made.setsockopt(*option)
        return made
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, "no connection in time") from problem
    raise NewConnectionError(connection, str(problem)) from problem


def _seconds(connection: HTTPConnection) -> float | None:
    return connection.timeout if isinstance(connection.timeout, int | float) else None
