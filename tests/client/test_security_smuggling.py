"""Requests that a proxy and we may read differently, to Waitress as it comes and as we tuned it."""

from collections.abc import Iterator

import pytest

from packistry.app import Application, make_app
from packistry.runtime import Runtime
from packistry.settings import Settings
from tests.client.sockets import exchange, serving
from tests.functional.conftest import Stock

PATH = "/p2/acme/lib.json"
HEAD = b"POST /downloads HTTP/1.1\r\nHost: x\r\n"
GOOD = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"

SMUGGLED = {
    "doubled Content-Length": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "listed Content-Length": b"Content-Length: 5, 5\r\n\r\nhello",
    "signed Content-Length": b"Content-Length: +10\r\n\r\n0123456789",
    "negative Content-Length": b"Content-Length: -1\r\n\r\n",
    "hexadecimal Content-Length": b"Content-Length: 0x5\r\n\r\nhello",
    "grouped Content-Length": b"Content-Length: 1_0\r\n\r\n0123456789",
    "vertical tab before chunked": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "unknown coding": b"X: a\r\n\tb: c\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "coding after chunked": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "bare line feed": b"X: a\nContent-Length: 5\r\n\r\nhello",
    "bare carriage return": b"X: a\rContent-Length: 5\r\n\r\nhello",
    "space before the colon": b"Content-Length : 5\r\n\r\nhello",
    "NUL in a header": b"X: a\x00b\r\n\r\n",
    "signed chunk": CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
    "hexadecimal prefix in a chunk": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk longer than it says": CHUNKED + b"3\r\nhello\r\n0\r\n\r\n",
    "line feed in a chunk's extension": CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n",
}


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    runtime = Runtime(Settings(data_dir=tmp_path_factory.mktemp("smuggling"), workers=0))
    runtime.prepare()
    stock = Stock(runtime)
    stock.repository(public=True)
    stock.version("acme/lib", "1.0.0")
    application = make_app(runtime)
    yield application
    application.close()
    runtime.close()


@pytest.fixture(scope="module", params=[True, False], ids=["tuned", "stock"])
def port(application: Application, request: pytest.FixtureRequest) -> Iterator[int]:
    with serving(application, tuned=request.param) as port:
        yield port


def assert_refused_and_closed(answer: bytes) -> None:
    """One refusal, the connection closed, and nothing of what followed in the same bytes."""
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ", b"HTTP/1.1 501 "))
    assert b"connection: close" in answer.lower()
    assert answer.count(b"HTTP/1.") == 1


@pytest.mark.parametrize("headers", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_a_request_that_two_readers_may_read_differently_is_refused_and_closes(
    port: int, headers: bytes
) -> None:
    assert_refused_and_closed(exchange(port, HEAD + headers + GOOD))


def test_pipelining_after_an_error_gives_400_and_a_closed_connection(port: int) -> None:
    assert_refused_and_closed(exchange(port, b"NONSENSE\r\n\r\n" + GOOD))


def test_an_error_behind_a_good_request_ends_the_connection_too(port: int) -> None:
    answer = exchange(port, GOOD + b"NONSENSE\r\n\r\n" + GOOD)
    assert [part[:3] for part in answer.split(b"HTTP/1.")[1:]] == [b"1 2", b"0 4"]


def test_a_body_that_nobody_reads_is_not_taken_for_a_request(port: int) -> None:
    """The refusal comes before the body is looked at; the body is still a body."""
    hidden = GOOD
    sent = b"POST /acme/lib HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(hidden)
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = exchange(port, sent + hidden + last)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"401", b"200"]
    assert b'"packages"' not in answer
