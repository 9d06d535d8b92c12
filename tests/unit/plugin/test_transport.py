"""The guarded transport, over real sockets."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from packistry.netguard import NetGuard
from packistry.plugin import HttpClient, HttpLimits, Unavailable
from tests.client.certificates import DAY, self_signed


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Recorder)
        self.seen: list[tuple[str, dict[str, str]]] = []


class Names:
    """A name server whose answers change, and that counts how often it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def running(server: Server) -> Iterator[Server]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with running(Server()) as server:
        yield server


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate of forge.example and its key, in one file."""
    return self_signed(tmp_path, "forge.example")


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    with tls(certificate) as server:
        yield server


@contextmanager
def tls(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with running(server):
        yield server


def client(guard: NetGuard, base_url: str) -> HttpClient:
    return HttpClient(guard, base_url=base_url, limits=HttpLimits(connect=2, read=2, total=5))


def test_the_checked_address_is_contacted_under_the_hosts_name(server: Server) -> None:
    guard = NetGuard(["forge.example"], lookup=Names(["127.0.0.1"]))
    http = client(guard, f"http://forge.example:{server.server_port}/api")
    assert http.get("user").json() == {}
    path, headers = server.seen[0]
    assert path == "/api/user"
    assert headers["Host"] == f"forge.example:{server.server_port}"
    http.close()


def test_a_name_that_answers_a_public_address_first_and_127_0_0_1_next_never_reaches_127_0_0_1(
    server: Server,
) -> None:
    # 192.0.2.1 is public to the guard here and goes nowhere: a documentation address.
    names = Names(["192.0.2.1"], ["127.0.0.1"])
    guard = NetGuard(["192.0.2.1"], lookup=names)
    http = HttpClient(
        guard,
        base_url=f"http://forge.example:{server.server_port}",
        limits=HttpLimits(connect=0.2, read=1, total=2),
    )
    with pytest.raises(Unavailable):
        http.get("user")
    assert names.asked == 1
    with pytest.raises(Unavailable, match="not contacted"):
        http.get("user")
    assert server.seen == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "0.0.0.0",
        "①②⑦.0.0.1",
    ],
)
def test_a_forbidden_address_is_refused(server: Server, host: str) -> None:
    http = client(NetGuard(private=True), f"http://{host}:{server.server_port}")
    with pytest.raises(Unavailable):
        http.get("user")
    assert server.seen == []


def test_a_name_without_an_address_is_unavailable() -> None:
    http = client(NetGuard(lookup=Names([])), "http://forge.example")
    with pytest.raises(Unavailable, match="knows no host"):
        http.get("user")


def test_a_closed_port_is_unavailable(server: Server) -> None:
    port = server.server_port
    server.socket.close()
    http = client(NetGuard(["127.0.0.1"]), f"http://127.0.0.1:{port}")
    with pytest.raises(Unavailable, match="cannot be reached"):
        http.get("user")


def test_a_server_that_speaks_no_tls_is_named_as_such(server: Server) -> None:
    http = client(NetGuard(["127.0.0.1"]), f"https://127.0.0.1:{server.server_port}")
    with pytest.raises(Unavailable, match=r"speaks no TLS .* http:// or another port"):
        http.get("user")


def test_the_environments_proxy_and_netrc_play_no_part(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    http = client(NetGuard(["127.0.0.1"]), f"http://127.0.0.1:{server.server_port}")
    assert http.get("user").json() == {}
    assert "Authorization" not in server.seen[0][1]
    http.close()


def test_a_connection_is_used_again(server: Server) -> None:
    names = Names(["127.0.0.1"])
    http = client(
        NetGuard(["forge.example"], lookup=names), f"http://forge.example:{server.server_port}"
    )
    for _ in range(3):
        http.get("user")
    assert names.asked == 1
    http.close()


def over_tls(server: Server, host: str, ca_file: Path | None) -> HttpClient:
    guard = NetGuard([host], lookup=Names(["127.0.0.1"]))
    limits = HttpLimits(connect=2, read=2, total=5)
    url = f"https://{host}:{server.server_port}"
    return HttpClient(guard, base_url=url, limits=limits, ca_file=ca_file)


def test_tls_is_checked_against_the_hosts_name_not_the_address(
    tls_server: Server, certificate: Path
) -> None:
    http = over_tls(tls_server, "forge.example", certificate)
    assert http.get("user").json() == {}
    http.close()


def test_an_authority_the_machine_trusts_is_trusted(
    tls_server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert over_tls(tls_server, "forge.example", None).get("user").status == 200


def test_a_certificate_of_another_name_is_refused(tls_server: Server, certificate: Path) -> None:
    with pytest.raises(Unavailable, match=r"for another name\. Enter the address"):
        over_tls(tls_server, "other.example", certificate).get("user")
    assert tls_server.seen == []


def test_a_certificate_that_has_expired_is_refused(tmp_path: Path) -> None:
    expired = self_signed(tmp_path, "forge.example", lasts=-DAY)
    with tls(expired) as server, pytest.raises(Unavailable, match=r"has expired\. Renew it there"):
        over_tls(server, "forge.example", expired).get("user")


def test_a_certificate_nobody_vouches_for_is_refused_with_the_remedy(tls_server: Server) -> None:
    with pytest.raises(Unavailable, match="Install that certificate"):
        over_tls(tls_server, "forge.example", None).get("user")
    assert tls_server.seen == []
