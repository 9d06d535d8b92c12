"""No byte string in path, query, header or form gives a 5xx."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyramid.request import Request

from packistry.app import Application, make_app
from packistry.inputs import NewSource, SourceChange, read
from packistry.runtime import Runtime
from packistry.services.plugins import Plugins
from packistry.settings import Settings
from tests.functional.conftest import Stock
from tests.hooked import POINTS

PATHS = (
    "/packages.json",
    "/p2/%s/lib.json",
    "/p2/acme/%s.json",
    "/p2/%s",
    "/list.json",
    "/search.json",
    "/providers/acme/%s.json",
    "/dists/acme/lib/%s/abcdef.zip",
    "/dists/acme/lib/1.0/%s.zip",
    "/acme/lib/%s",
    "/acme/%s",
    "/r/%s/packages.json",
    "/r/team/%s",
    "/incoming/%s/1",
    "/incoming/hooked/%s",
    "/incoming/hooked/1/%s",
    "/r/%s/incoming/hooked/1",
    "/%s",
    "/downloads",
)
NAMES = ("q", "type", "filter", "vendor", "page", "per_page", "version")
HEADERS = (
    "Authorization",
    "Accept-Encoding",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Range",
    "Host",
    "Content-Type",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Hub-Signature-256",
    "X-Hooked-Delivery",
    "X-Hooked-Event",
)
raw = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"\0", b"\xff", b"%00", b"..", b"a" * 5000, b"\xed\xa0\x80", b"'\";--", b"%"]),
)


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    runtime = Runtime(Settings(data_dir=folder, workers=0, dist_wait_seconds=0.01))
    runtime.plugins = Plugins.load(POINTS, strict=True)
    runtime.prepare()
    with runtime.transaction() as services:
        source = services.sources.add(NewSource(name="hooked", provider="hooked"))
        change = read(SourceChange, webhook_secret="what webhooks are signed with")
        services.sources.edit(source, change)
    stock = Stock(runtime)
    stock.repository(public=True)
    stock.version("acme/lib", "1.0.0")
    application = make_app(runtime)
    yield application
    application.close()
    runtime.close()


def status(application: Application, path: str, **environ: str) -> int:
    request = Request.blank("/", environ=environ)
    request.environ["PATH_INFO"] = path
    response = request.get_response(application)
    assert response.body is not None
    code: int = response.status_int
    return code


UNHURRIED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@UNHURRIED
@given(path=st.sampled_from(PATHS), some=raw, method=st.sampled_from(["GET", "HEAD", "POST"]))
@example(path="/acme/lib/%s", some=b"\xff", method="GET")
def test_no_bytes_in_a_path_give_a_5xx(
    application: Application, path: str, some: bytes, method: str
) -> None:
    text = path.replace("%s", some.decode("latin-1"))
    assert status(application, text, REQUEST_METHOD=method) < 500


@UNHURRIED
@given(path=st.sampled_from(PATHS), name=st.sampled_from(NAMES), some=raw, escape=st.booleans())
@example(path="/search.json", name="q", some=b"\xff", escape=True)
def test_no_bytes_in_a_query_give_a_5xx(
    application: Application, path: str, name: str, some: bytes, escape: bool
) -> None:
    value = quote_from_bytes(some) if escape else some.decode("latin-1")
    assert status(application, path, QUERY_STRING=f"{name}={value}") < 500


@UNHURRIED
@given(
    path=st.sampled_from(PATHS),
    header=st.sampled_from(HEADERS),
    some=raw,
    method=st.sampled_from(["GET", "POST"]),
)
def test_no_bytes_in_a_header_give_a_5xx(
    application: Application, path: str, header: str, some: bytes, method: str
) -> None:
    key = "HTTP_" + header.upper().replace("-", "_")
    text = path.replace("%s", "1" if "incoming" in path else "lib")
    environ = {key: some.decode("latin-1"), "REQUEST_METHOD": method}
    assert status(application, text, **environ) < 500


@UNHURRIED
@given(
    path=st.sampled_from(["/downloads", "/acme/lib", "/r/team/acme/lib", "/incoming/hooked/1"]),
    body=raw,
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=x", ""]),
    length=st.sampled_from(["", "0", "7", "x", "-1", "99999999999"]),
)
def test_no_bytes_in_a_form_give_a_5xx(
    application: Application, path: str, body: bytes, kind: str, length: str
) -> None:
    request = Request.blank(path, method="POST", body=body)
    request.environ["CONTENT_TYPE"] = kind
    if length:
        request.environ["CONTENT_LENGTH"] = length
    assert request.get_response(application).status_int < 500
