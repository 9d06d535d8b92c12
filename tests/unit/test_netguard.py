import contextlib
import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.netguard import AddressRefused, HostUnknown, NetGuard

FORBIDDEN = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "0x7f.0.0.0x1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "127.0.0.1.",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "localhost",
    "LOCALHOST.",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
    "fe80::5efe:127.0.0.1",
    "2a00::5efe:7f00:1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "0",
    "0.1.2.3",
    "::",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "240.0.0.1",
    "",
    ".",
    "a b",
    "-x",
]


@pytest.mark.parametrize("host", FORBIDDEN)
def test_each_spelling_of_a_forbidden_address_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        NetGuard(private=True).resolve(host, 443)


@pytest.mark.parametrize(
    ("host", "found", "words"),
    [
        ("127.0.0.1", [], "127.0.0.1 is an address that is not contacted unless PACKISTRY_ALLOW_"),
        ("git.test", ["::1"], "git.test is ::1, an address that is not contacted unless PACKISTRY"),
        ("10.0.0.1", [], "10.0.0.1 is an address in a private network, not contacted unless PACK"),
        ("git.test", [], "The name server knows no host git.test. Check the address"),
    ],
)
def test_a_refusal_says_what_to_do(host: str, found: list[str], words: str) -> None:
    guard = NetGuard(lookup=lambda _host, _port: found)
    with pytest.raises((AddressRefused, HostUnknown), match=words):
        guard.resolve(host, 443)


@pytest.mark.parametrize("host", FORBIDDEN)
def test_a_url_with_a_forbidden_address_is_refused(host: str) -> None:
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    with pytest.raises(AddressRefused):
        NetGuard(private=True).check_url(f"http://{name}/x")


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_allowed(host: str) -> None:
    assert NetGuard().resolve(host, 443) == [str(ipaddress.ip_address(host))]


@pytest.mark.parametrize(
    "host", ["10.1.2.3", "172.16.0.1", "192.168.1.1", "fd12::1", "100.64.0.1", "::ffff:10.0.0.1"]
)
def test_a_private_address_is_allowed_for_a_configured_source_only(host: str) -> None:
    guard = NetGuard()
    assert guard.resolve(host, 443, private=True)
    with pytest.raises(AddressRefused, match="private network"):
        guard.resolve(host, 443)


def answers(*lists: list[str]) -> Callable[[str, int], list[str]]:
    rest = list(lists)
    return lambda _host, _port: rest.pop(0)


def test_every_address_of_a_name_is_checked() -> None:
    guard = NetGuard(lookup=answers(["8.8.8.8", "127.0.0.1"]))
    with pytest.raises(AddressRefused):
        guard.resolve("git.example.org", 443)


def test_a_name_without_an_address_is_unknown() -> None:
    with pytest.raises(HostUnknown):
        NetGuard(lookup=answers([])).resolve("git.example.org", 443)


def test_a_name_no_server_knows_is_unknown() -> None:
    with pytest.raises(HostUnknown):
        NetGuard().resolve("nobody.invalid", 443)


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.0/8", "localhost"])
def test_a_loopback_address_named_in_the_settings_is_allowed(entry: str) -> None:
    assert "127.0.0.1" in NetGuard([entry, "::1"]).resolve("localhost", 80)


def test_a_named_host_may_be_in_a_private_network() -> None:
    guard = NetGuard(["forge.home"], lookup=answers(["192.168.1.5"]))
    assert guard.resolve("Forge.Home.", 443) == ["192.168.1.5"]


def test_a_named_host_does_not_make_the_metadata_address_good() -> None:
    guard = NetGuard(["forge.home"], lookup=answers(["169.254.169.254"]))
    with pytest.raises(AddressRefused):
        guard.resolve("forge.home", 443)


def test_an_address_named_in_the_settings_is_allowed_in_its_mapped_form() -> None:
    assert NetGuard(["127.0.0.1"]).resolve("::ffff:127.0.0.1", 80)


@pytest.mark.parametrize(
    "url", ["ftp://8.8.8.8/", "file:///etc/passwd", "//8.8.8.8", "http://[::1", "http://8.8.8.8:x/"]
)
def test_only_http_urls_are_contacted(url: str) -> None:
    with pytest.raises(AddressRefused):
        NetGuard().check_url(url)


def test_a_checked_url_gives_the_addresses_to_connect_to() -> None:
    guard = NetGuard(lookup=answers(["8.8.8.8", "2606:4700::1111"]))
    assert guard.check_url("https://git.example.org/x") == ["8.8.8.8", "2606:4700::1111"]


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_refused_in_each_of_its_ipv6_disguises(
    address: ipaddress.IPv4Address,
) -> None:
    number = int(address)
    disguises = [
        ipaddress.IPv6Address((0xFFFF << 32) + number),
        ipaddress.IPv6Address((0x2002 << 112) + (number << 80)),
        ipaddress.IPv6Address((0x64FF9B << 96) + number),
    ]
    guard = NetGuard()
    try:
        guard.resolve(str(address), 443)
    except AddressRefused:
        for disguise in disguises:
            with pytest.raises(AddressRefused):
                guard.resolve(str(disguise), 443)


@given(st.text(max_size=40))
def test_any_text_for_a_host_is_resolved_or_refused(host: str) -> None:
    guard = NetGuard(lookup=lambda _host, _port: ["8.8.8.8"])
    with contextlib.suppress(AddressRefused):
        assert guard.resolve(host, 443) != []
