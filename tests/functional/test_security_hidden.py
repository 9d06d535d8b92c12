"""To whom something is hidden, it does not exist: by status, headers, bytes, or work done."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from webtest import TestApp

from packistry.app import make_app
from packistry.models import Download
from packistry.runtime import Runtime
from packistry.services.prepared import Connections
from packistry.settings import Settings
from tests.functional.conftest import Stock, basic, bearer

pytestmark = pytest.mark.any_database

# "{place}" is where the repository is, "{name}" the last word of the package's name.
ROUTES = (
    "{place}/p2/acme/{name}.json",
    "{place}/p2/acme/{name}~dev.json",
    "{place}/providers/acme/{name}.json",
    "{place}/acme/{name}/1.0.0",
    "{place}/acme/{name}/dev-main",
    "{place}/dists/acme/{name}/1.0.0/{reference}.zip",
    "{place}/list.json?filter=acme%2F{name}",
    "{place}/list.json?vendor=acme",
    "{place}/search.json?q=acme%2F{name}",
    "{place}/packages.json",
)
# What a client adds that has seen the thing before, or goes on with it.
CONDITIONS: tuple[dict[str, str], ...] = (
    {},
    {"Accept-Encoding": "gzip"},
    {"If-None-Match": "*"},
    {"Range": "bytes=0-9"},
)
PLACES = ("", "/r/team", "/r/reserved")


class World:
    """acme/hidden is in each repository, acme/absent in none."""

    def __init__(self, runtime: Runtime, app: TestApp) -> None:
        self.app, self.stock = app, Stock(runtime)
        stock = self.stock
        stock.repository()
        stock.repository("team")
        stock.repository("reserved", reserved=("acme",))
        stock.repository("elsewhere")
        self.references = {}
        for place in PLACES:
            path = place.removeprefix("/r/")
            provide = {"acme/hidden": "1", "acme/absent": "1"}
            stock.version("acme/seen", "1.0.0", path, provide=provide)
            shipped = stock.version("acme/hidden", "1.0.0", path, provide={"acme/x": "1"})
            stock.version("acme/hidden", "dev-main", path)
            self.references[place] = shipped.reference
        seen = tuple((place.removeprefix("/r/"), "acme/seen") for place in PLACES)
        user = stock.user_token(repositories=("elsewhere",))
        expired = stock.token(repositories=("",), expires_at=datetime.now(UTC) - timedelta(days=1))
        self.identities: dict[str, dict[str, str]] = {
            "nobody": {},
            "nonsense": {"Authorization": "Bearer nonsense"},
            "an expired token": bearer(expired),
            "a token of nothing": bearer(stock.token()),
            "a token of the package beside": bearer(stock.token(packages=seen)),
            "the same, as a password": basic("x", stock.token(packages=seen, write=True)),
            "a token of another repository": bearer(stock.token(repositories=("elsewhere",))),
            "a user of another repository": bearer(user),
        }

    def date(self, place: str) -> str:
        """The Last-Modified of the hidden document."""
        token = self.stock.token(repositories=(place.removeprefix("/r/"),))
        answer = self.app.get(f"{place}/p2/acme/hidden.json", headers=bearer(token))
        date: str = answer.headers["Last-Modified"]
        return date


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that this thread runs on the hot path."""
    seen: list[str] = []
    here, rows = threading.get_ident(), Connections.rows

    def counted(self: Connections, statement: Any, values: Any) -> Any:
        if threading.get_ident() == here:
            seen.append(statement.sql)
        return rows(self, statement, values)

    Connections.rows = counted  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        Connections.rows = rows  # type: ignore[method-assign]


@pytest.fixture(scope="module", params=[True, False], ids=["with a cache", "without a cache"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    runtime = Runtime(Settings(data_dir=tmp_path_factory.mktemp("hidden"), workers=0))
    runtime.prepare()
    application = make_app(runtime, **({} if request.param else {"cache_bytes": 0}))
    yield World(runtime, TestApp(application))
    application.close()
    runtime.close()


@pytest.fixture
def seen(world: World) -> Iterator[list[str]]:
    """Every SQL statement that this thread runs."""
    here = threading.get_ident()
    with statements() as ran:

        def noted(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if threading.get_ident() == here:
                ran.append(statement)

        engine = world.stock.runtime.engine
        event.listen(engine, "before_cursor_execute", noted)
        yield ran
        event.remove(engine, "before_cursor_execute", noted)


def told(world: World, seen: list[str], method: str, path: str, headers: dict[str, str]) -> Any:
    """All that a client can see of an answer, and the statements it took.

    Asked twice, so that what is kept of it is as fresh in each case.
    """
    world.app.request(path, method=method, headers=headers, status="*")
    seen.clear()
    answer = world.app.request(path, method=method, headers=headers, status="*")
    kept = sorted((key, value) for key, value in answer.headerlist if key != "Date")
    return answer.status, kept, answer.body, list(seen)


@pytest.mark.parametrize("route", ROUTES)
def test_for_each_read_route_and_identity_a_hidden_and_an_absent_package_answer_identically(
    world: World, seen: list[str], route: str
) -> None:
    """From the same number of SQL statements; also with the date that the hidden one has."""
    for place in PLACES:
        conditions = (*CONDITIONS, {"If-Modified-Since": world.date(place)})
        for who, headers in world.identities.items():
            asked = [("GET", headers | condition) for condition in conditions]
            for method, sent in (*asked, ("HEAD", headers)):
                # The names have as many letters, so that lengths compare.
                hidden, absent = (
                    told(
                        world,
                        seen,
                        method,
                        route.format(place=place, name=name, reference=world.references[place]),
                        sent,
                    )
                    for name in ("hidden", "absent")
                )
                assert _anonymous(hidden) == _anonymous(absent), (who, place, method, sent)


def _anonymous(answer: Any) -> Any:
    status, headers, body, ran = answer
    if any(header == ("Content-Encoding", "gzip") for header in headers):
        # Two names of one length may be zipped to two lengths.
        body = gzip.decompress(body) if body else body
        headers = [(k, v) for k, v in headers if k not in ("Content-Length", "ETag")]
    return status, headers, body.replace(b"hidden", b"NAME").replace(b"absent", b"NAME"), ran


def test_for_each_identity_a_hidden_and_an_absent_repository_answer_identically(
    world: World, seen: list[str]
) -> None:
    """To a stranger an unknown path answers 401 as a private one does."""
    inside = {"a token of the package beside", "the same, as a password"}
    for who, headers in world.identities.items():
        if who in inside:
            continue
        for route in ROUTES:
            for method in ("GET", "HEAD"):
                hidden, absent = (
                    told(
                        world,
                        seen,
                        method,
                        route.format(place=place, name="hidden", reference="a" * 40),
                        headers,
                    )
                    for place in ("/r/team", "/r/none")
                )
                assert hidden == absent, (who, route, method)
                if who == "nobody":
                    assert hidden[0].startswith("401 ")


@pytest.mark.parametrize("who", ["nobody", "a token of nothing", "a token of the package beside"])
def test_reported_installs_do_not_tell_a_hidden_package_from_an_absent_one(
    world: World, seen: list[str], who: str
) -> None:
    answers = []
    for name in ("acme/hidden", "acme/absent"):
        seen.clear()
        answer = world.app.post_json(
            "/downloads",
            {"downloads": [{"name": name, "version": "1.0.0.0"}]},
            headers=world.identities[who],
            status="*",
        )
        answers.append((answer.status, answer.headerlist, answer.body, list(seen)))
    assert answers[0] == answers[1]
    with world.stock.runtime.transaction() as services:
        assert services.session.query(Download).count() == 0


@pytest.mark.parametrize(
    "who", ["nobody", "nonsense", "a token of nothing", "the same, as a password"]
)
@pytest.mark.parametrize("place", PLACES)
def test_an_upload_does_not_tell_a_hidden_package_from_an_absent_one(
    world: World, seen: list[str], who: str, place: str
) -> None:
    answers = []
    for name in ("hidden", "absent"):
        seen.clear()
        answer = world.app.post(
            f"{place}/acme/{name}",
            upload_files=[("file", "x.zip", b"x")],
            headers=world.identities[who],
            status="*",
        )
        body = answer.body.replace(name.encode(), b"NAME")
        answers.append((answer.status, answer.headerlist, body, len(seen)))
    assert answers[0] == answers[1]
    assert answers[0][0][:3] in ("401", "403", "404")
