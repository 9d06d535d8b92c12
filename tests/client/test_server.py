"""The server on real sockets: keep-alive, smuggling, limits, many clients, many processes."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from packistry.app import Application, make_app
from packistry.runtime import Runtime
from tests.client.sockets import exchange, serving
from tests.functional.conftest import Shipped, Stock
from tests.servers import free_port, wait_for_port

PATH = "/p2/acme/lib.json"


@pytest.fixture
def stock(runtime: Runtime) -> Stock:
    return Stock(runtime)


@pytest.fixture
def shipped(stock: Stock) -> Shipped:
    stock.repository(public=True)
    return stock.version("acme/lib", "1.0.0", text="x" * 300_000)


@pytest.fixture
def application(runtime: Runtime, shipped: Shipped) -> Iterator[Application]:
    application = make_app(runtime)
    yield application
    application.close()


@pytest.fixture
def port(application: Application) -> Iterator[int]:
    with serving(application) as port:
        yield port


def test_two_304s_share_one_connection(port: int) -> None:
    """Stock Waitress closes after each: Composer would need 300 connections instead of 9."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    client.request("GET", PATH)
    first = client.getresponse()
    date = first.headers["Last-Modified"]
    first.read()
    assert client.sock is not None
    own = client.sock.getsockname()
    for _ in range(2):
        client.request("GET", PATH, headers={"If-Modified-Since": date})
        answer = client.getresponse()
        assert answer.status == 304
        assert answer.read() == b""
        assert client.sock is not None, "the server closed the connection"
        assert client.sock.getsockname() == own
    client.close()


def test_a_304_closes_when_the_client_asks_for_it(port: int) -> None:
    answer = exchange(
        port,
        f"GET {PATH} HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\nConnection: close\r\n\r\n".encode(),
    )
    assert answer.startswith(b"HTTP/1.1 304 ")
    assert b"Connection: close" in answer


def test_a_304_to_http_1_0_closes(port: int) -> None:
    answer = exchange(port, f"GET {PATH} HTTP/1.0\r\nIf-None-Match: *\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.0 304 ")


def test_head_and_404_keep_the_connection_too(port: int) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    for method, path, status in (
        ("HEAD", PATH, 200),
        ("GET", "/p2/acme/none.json", 404),
        ("HEAD", "/packages.json", 200),
        ("GET", PATH, 200),
    ):
        client.request(method, path)
        answer = client.getresponse()
        answer.read()
        assert answer.status == status
        assert client.sock is not None
    client.close()


def test_headers_and_body_come_in_one_piece(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        first = client.recv(1_000_000)
    assert first.rpartition(b"\r\n\r\n")[2].startswith(b"{")


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    one = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n".encode()
    two = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = exchange(port, one + one + two)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"304", b"304", b"200"]


def test_a_header_of_1_mb_is_refused(port: int) -> None:
    sent = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n"
    assert b" 431 " in exchange(port, sent).split(b"\r\n")[0]


@pytest.mark.parametrize(
    "path",
    [
        "/downloads",
        "/packages.json",
        "/r/x/downloads",
        "/incoming/host/1",
        "/incoming/host/1/key",
        "/r/x/incoming/host/1",
    ],
)
def test_a_large_body_is_refused_where_no_upload_goes(port: int, path: str) -> None:
    sent = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n".encode()
    assert b" 413 " in exchange(port, sent).split(b"\r\n")[0]


@pytest.mark.parametrize("path", ["/incoming/host/1", "/incoming/host/1/key", "/acme/lib"])
def test_a_delivery_may_be_as_large_as_hosts_send(port: int, path: str) -> None:
    size = 2 * 1024 * 1024
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    assert b" 413 " not in exchange(port, head.encode() + b"x" * size).split(b"\r\n")[0]


def test_an_endless_chunked_body_is_refused(port: int) -> None:
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    head = b"POST /downloads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 413 " in exchange(port, head + chunk * 40).split(b"\r\n")[0]


def test_a_dist_is_streamed_whole_and_in_parts(port: int, shipped: Shipped) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    for headers, start, end in (
        ({}, 0, None),
        ({"Range": "bytes=100-199"}, 100, 200),
        ({"Range": "bytes=-50"}, -50, None),
        ({}, 0, None),
    ):
        client.request("GET", shipped.path, headers=headers)
        answer = client.getresponse()
        assert answer.read() == shipped.content[start:end]
        assert client.sock is not None
    client.close()


def test_a_client_that_reads_slowly_gets_the_whole_dist_and_the_next_answer(
    port: int, stock: Stock
) -> None:
    """More than a connection takes at once: some is sent at once, the rest from the file."""
    large = stock.version("acme/large", "1.0.0", text=os.urandom(8_000_000).hex())
    asked = f"GET {large.path} HTTP/1.1\r\nHost: x\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.connect(("127.0.0.1", port))
        part = f"{asked}Range: bytes=5-9\r\nConnection: close\r\n\r\n"
        client.sendall(f"{asked}\r\n{part}".encode())
        received = b"".join(iter(lambda: client.recv(1_000_000), b""))
    first, second = received.split(b"HTTP/1.1 206 Partial Content\r\n")
    assert first.partition(b"\r\n\r\n")[2] == large.content
    assert second.partition(b"\r\n\r\n")[2] == large.content[5:10]


def test_fifty_clients_at_once_are_all_served(port: int, shipped: Shipped) -> None:
    """Statement 36, and more: no 429, no 503, nothing mixed up."""
    paths = [PATH, "/packages.json", "/p2/acme/none.json", shipped.path, "/list.json"]

    def client(_number: int) -> set[tuple[str, int, bytes]]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        seen = set()
        for path in paths * 4:
            connection.request("GET", path)
            answer = connection.getresponse()
            seen.add((path, answer.status, answer.read()))
        connection.close()
        return seen

    with ThreadPoolExecutor(50) as pool:
        seen = set().union(*pool.map(client, range(50)))
    assert len(seen) == len(paths)
    assert {(path, status) for path, status, _ in seen} == {
        (path, 404 if "none" in path else 200) for path in paths
    }


SERVER = """
import sys
from packistry.runtime import Runtime
from packistry.settings import Settings
from packistry.web.server import serve
runtime = Runtime(Settings(data_dir=sys.argv[1], workers=0))
runtime.prepare()
serve(runtime, listen="127.0.0.1:" + sys.argv[2], processes=int(sys.argv[3]))
"""


@contextmanager
def server_process(folder: Path, processes: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [sys.executable, "-c", SERVER, str(folder), str(port), str(processes)]
    with subprocess.Popen(command) as process:
        try:
            wait_for_port(port, process)
            yield port, process
        finally:
            process.terminate()
            process.wait(20)


def answers(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request("GET", "/readyz")
    answer = client.getresponse()
    good = answer.status == 200 and json.loads(answer.read()) == {"status": "ok"}
    client.close()
    return good


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(condition, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("processes", [1, 2])
def test_sigterm_stops_every_process(tmp_path: Path, processes: int) -> None:
    with server_process(tmp_path, processes) as (port, process):
        assert until(lambda: answers(port))
        family = [process.pid, *children(process.pid)]
        process.terminate()
        assert process.wait(20) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in family)


def test_a_process_that_dies_is_replaced(tmp_path: Path) -> None:
    with server_process(tmp_path, 2) as (port, process):
        assert until(lambda: len(children(process.pid)) == 2 and answers(port))
        victim = children(process.pid)[0]
        os.kill(victim, signal.SIGKILL)
        assert until(
            lambda: len(children(process.pid)) == 2 and victim not in children(process.pid)
        )
        assert all(answers(port) for _ in range(5))


def test_the_processes_do_not_outlive_the_one_that_started_them(tmp_path: Path) -> None:
    with server_process(tmp_path, 2) as (port, process):
        assert until(lambda: len(children(process.pid)) == 2 and answers(port))
        family = children(process.pid)
        process.kill()
        process.wait(10)
        assert until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))
