"""What a request must not be able to do, whichever route it takes."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from pyramid.request import Request
from webtest import TestApp, Upload

from packistry.app import Application, make_app
from packistry.models import Version
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.collector import Collector
from packistry.settings import Settings
from tests.functional.conftest import Shipped, Stock, bearer, zip_of
from tests.functional.test_uploads import NOTHING, rows
from tests.unit.composer.test_ambiguous_zips import AMBIGUOUS

pytestmark = pytest.mark.any_database

STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn")


class Watch:
    """Notes the processes that this one starts while it is asked to look."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.looking = False
        self._hooked = False

    def note(self, event: str, arguments: Any) -> None:
        if self.looking and event in STARTS:
            self.started.append(f"{event} {arguments}")

    def look(self) -> None:
        # A hook can never be taken away again: there is one, which mostly looks away.
        if not self._hooked:
            sys.addaudithook(self.note)
            self._hooked = True
        self.started.clear()
        self.looking = True


WATCH = Watch()


@pytest.fixture
def started() -> Iterator[list[str]]:
    """The processes that are started during the test."""
    WATCH.look()
    yield WATCH.started
    WATCH.looking = False


def test_no_web_request_starts_a_process(
    app: TestApp, stock: Stock, started: list[str], settings: Settings
) -> None:
    stock.repository(public=True)
    shipped = stock.version("acme/lib", "1.0.0")
    lazy = stock.version("acme/lazy", "1.0.0", lazy=True)
    headers = bearer(stock.token(repositories=("",), write=True))
    stock.runtime.settings = settings.model_copy(update={"dist_wait_seconds": 0.01})
    for path in (
        "/packages.json",
        "/p2/acme/lib.json",
        "/list.json",
        "/search.json",
        "/providers/acme/lib.json",
        "/acme/lib/1.0.0",
        "/healthz",
        "/readyz",
        "/nothing",
        shipped.path,
        lazy.path,
    ):
        app.get(path, headers=headers, status="*")
    app.post_json("/downloads", {"downloads": []}, headers=headers)
    file = Upload("x.zip", zip_of({"name": "acme/new", "version": "1.0"}), "application/zip")
    app.post("/acme/new", {"file": file}, headers=headers, status=201)
    assert started == []


def test_a_process_that_is_started_would_be_noticed(started: list[str]) -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    assert len(started) == 1


@pytest.fixture
def damaged(stock: Stock) -> Shipped:
    """A version in whose stored zip a byte was flipped, and found."""
    stock.repository(public=True)
    shipped = stock.version("acme/lib", "1.0.0", text="x" * 1000)
    (key,) = stock.runtime.storage.keys()
    flip(stock, key)
    (fault,) = Collector(stock.runtime).collect(verify=True).faults
    assert fault.key == key
    return shipped


def flip(stock: Stock, key: str) -> None:
    path = Path(stock.runtime.settings.root) / "dists" / key
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers", [{}, {"Range": "bytes=0-9"}, {"If-None-Match": "*"}, {"If-Range": '"x"'}]
)
def test_a_flipped_byte_is_never_served_as_good(
    app: TestApp, damaged: Shipped, method: str, headers: dict[str, str]
) -> None:
    for path in (damaged.path, "/acme/lib/1.0.0"):
        answer = app.request(path, method=method, headers=headers, status=404)
        if method == "GET":
            assert "damaged" in answer.json["warning"]


def test_a_restored_byte_is_served_again(app: TestApp, stock: Stock, damaged: Shipped) -> None:
    (key,) = stock.runtime.storage.keys()
    flip(stock, key)
    Collector(stock.runtime).collect(verify=True)
    assert app.get(damaged.path).body == damaged.content


def test_a_yanked_version_leaves_metadata_and_existing_locks_still_install(
    app: TestApp, stock: Stock
) -> None:
    stock.repository(public=True)
    old, new = (stock.version("acme/lib", version) for version in ("1.0.0", "1.1.0"))
    with stock.runtime.transaction() as services:
        row = services.session.query(Version).filter_by(name="1.1.0").one()
        row.yanked_at = now()
        services.session.flush()
        services.documents.render(row.package)
    versions = app.get("/p2/acme/lib.json").json["packages"]["acme/lib"]
    assert [version["version"] for version in versions] == ["1.0.0"]
    assert app.get(new.path).body == new.content
    assert app.get(old.path).body == old.content


def test_each_ambiguous_zip_is_refused_with_its_own_reason_and_no_row_or_file_is_left(
    app: TestApp, stock: Stock
) -> None:
    stock.repository()
    headers = bearer(stock.token(repositories=("",), write=True))
    reasons = set()
    for make in AMBIGUOUS.values():
        form = {"file": Upload("x.zip", make(), "application/zip"), "version": "1.0"}
        answer = app.post("/acme/lib", form, headers=headers, status=422)
        reasons.add(answer.json["message"])
    assert len(reasons) >= 30
    assert rows(stock) == NOTHING


def test_searches_of_wildcards_mean_themselves_and_take_bounded_time(
    app: TestApp, stock: Stock
) -> None:
    stock.repository(public=True)
    for number in range(20):
        stock.package(f"acme/n{number}", description="a" * 1000)
    begun = time.monotonic()
    for text in ("%%%", "_" * 200, "%25" * 80, "a%25" * 60, "%5C%25", "%5C", "%25_" * 50):
        assert app.get(f"/search.json?q={text}", status="*").json.get("total", 0) == 0
        assert app.get(f"/list.json?filter={text}", status="*").json.get("packageNames", []) == []
    for pattern in ("*" * 200, "*a" * 100, "*a*a*a*a*a*a*a*b"):
        app.get(f"/list.json?filter={pattern}", status=200)
    assert time.monotonic() - begun < 5


@pytest.fixture(scope="module")
def with_json(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    runtime = Runtime(Settings(data_dir=tmp_path_factory.mktemp("json"), workers=0))
    runtime.prepare()
    stock = Stock(runtime)
    stock.repository(public=True)
    stock.version("acme/lib", "1.0.0")
    application = make_app(runtime)
    yield application
    application.close()
    runtime.close()


texts = st.text(max_size=20) | st.sampled_from(["acme/lib", "1.0.0.0", "\0", "\ud800", "9" * 5000])
plain = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["downloads", "name", "version", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@trying(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=values | st.fixed_dictionaries({"downloads": st.lists(values, max_size=3)}))
def test_no_json_gives_a_5xx(with_json: Application, body: Any) -> None:
    request = Request.blank("/downloads", method="POST", body=json.dumps(body).encode())
    request.environ["CONTENT_TYPE"] = "application/json"
    assert request.get_response(with_json).status_int in (201, 400)


@pytest.mark.parametrize("body", [b"[" * 500_000, b'{"downloads":' + b"9" * 5000 + b"}"])
def test_json_too_deep_or_too_large_for_python_is_a_400(
    with_json: Application, body: bytes
) -> None:
    request = Request.blank("/downloads", method="POST", body=body)
    assert request.get_response(with_json).status_int == 400
