"""Which addresses may be contacted, for git and HTTP alike.

A name is resolved once, every address it has is checked, and the caller connects to what was
checked: a second answer of the name server never counts.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from packistry.errors import PackistryError, Unavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], list[str]]

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")
ISATAP = (0x00005EFE, 0x02005EFE)
UNLESS_NAMED = "unless PACKISTRY_ALLOW_HOSTS names it."
DEFAULT_PORTS = {"http": 80, "https": 443}

# What `ipaddress` calls global or merely private, but is this machine, its cloud's metadata or a
# tunnel to either: Oracle and Alibaba, Azure's wire server, EC2 over IPv6, NAT64 in local use,
# Teredo (it carries two addresses), site-local.
NEVER: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "192.0.0.0/24",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "fd00:ec2::254/128",
        "64:ff9b:1::/48",
        "2001::/32",
        "fec0::/10",
    )
)


class AddressRefused(PackistryError):
    """A host is, or resolves to, an address that must not be contacted."""


class HostUnknown(Unavailable):
    """A host name has no address, as far as the name server says now."""


class NetGuard:
    """Resolves hosts to addresses that may be contacted.

    `allow` names hosts, addresses and networks that are trusted though they are local. A named
    address or network is allowed whatever it is. A named host may be on this machine or in a
    private network; link-local and metadata addresses must be named themselves, because whoever
    answers for a name chooses its addresses. `private` allows private networks for every host: a
    forge at home is normal for a source that an administrator configured.
    """

    def __init__(
        self, allow: Iterable[str] = (), *, private: bool = False, lookup: Lookup | None = None
    ) -> None:
        self.private = private
        self._lookup = lookup or system_lookup
        self._hosts: frozenset[str] = frozenset()
        self._networks: tuple[Network, ...] = ()
        for entry in allow:
            self._allow(entry.strip())

    def resolve(self, host: str, port: int, *, private: bool = False) -> list[str]:
        """The addresses of a host, each checked; never empty.

        Raises AddressRefused if any of them is forbidden, HostUnknown if there are none.
        """
        name = canonical_host(host)
        literal = _literal(name)
        found = [str(literal)] if literal is not None else self._lookup(name, port)
        if not found:
            raise _unknown(name)
        for text in found:
            self._check(name, text, private=private or self.private)
        return found

    def check_url(self, url: str, *, private: bool = False) -> list[str]:
        """The checked addresses of an http or https URL's host. Raises AddressRefused."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressRefused("This is not a URL.") from error
        if parts.scheme not in DEFAULT_PORTS:
            raise AddressRefused("Only http and https addresses are contacted.")
        return self.resolve(
            parts.hostname or "", port or DEFAULT_PORTS[parts.scheme], private=private
        )

    def _allow(self, entry: str) -> None:
        try:
            self._networks += (ipaddress.ip_network(entry, strict=False),)
        except ValueError:
            self._hosts |= {canonical_host(entry)}

    def _check(self, host: str, text: str, *, private: bool) -> None:
        try:
            given = ipaddress.ip_address(text)
        except ValueError as error:
            raise AddressRefused(f"{host} has an address that cannot be read.") from error
        address = _unwrapped(given)
        if any(
            one.version == network.version and one in network
            for one in (given, address)
            for network in self._networks
        ):
            return
        named = host in self._hosts
        told = f"{host} is an address" if host == text else f"{host} is {text}, an address"
        if _is_never(address) or (address.is_loopback and not named):
            raise AddressRefused(f"{told} that is not contacted {UNLESS_NAMED}")
        if not address.is_global and not (private or named):
            raise AddressRefused(f"{told} in a private network, not contacted {UNLESS_NAMED}")


def system_lookup(host: str, port: int) -> list[str]:
    """The addresses the system's resolver gives, in its order. Raises HostUnknown."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _unknown(host) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _unknown(host: str) -> HostUnknown:
    return HostUnknown(
        f"The name server knows no host {host}. Check the address, and this machine's network."
    )


def canonical_host(host: str) -> str:
    """A host in lower case, without brackets and final dot. Raises AddressRefused.

    Only ASCII: look-alike digits and dots would be folded to an address by whoever resolves them.
    """
    name = host.lower().removesuffix(".")
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if not name.isascii():
        raise AddressRefused("Write the host name in its ASCII (xn--) form.")
    if not name or name.startswith("-") or not all(c.isalnum() or c in "-._:" for c in name):
        raise AddressRefused("This is not a host name.")
    return name


def _literal(name: str) -> Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        pass
    last = name.rsplit(".", 1)[-1]
    # 127.1, 0x7f.1 and 2130706433 are addresses to the C library and to curl, each in its own way.
    if ":" in name or last.isdigit() or (last.startswith("0x") and _is_hex(last[2:])):
        raise AddressRefused("Write the address in its usual form, four numbers.")
    return None


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdef" for c in text)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return inner
    number = int(address)
    embedded = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address in NAT64 or (number >> 32) & 0xFFFFFFFF in ISATAP:
        return embedded
    if address in COMPATIBLE and number > 1:
        return embedded
    return address


def _is_never(address: Address) -> bool:
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return True
    if isinstance(address, ipaddress.IPv4Address) and address.is_reserved:
        return True
    return any(address.version == net.version and address in net for net in NEVER)
