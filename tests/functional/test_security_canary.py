"""One secret in every place that takes one; then everything that can fail, fails."""

import io
import logging
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError
from webtest import TestApp

from packistry import jobs
from packistry.app import make_app
from packistry.errors import PackistryError
from packistry.inputs import NewSource, NewUser, read
from packistry.models import SyncState
from packistry.plugin import Config, Project, SourceProvider, hookimpl
from packistry.runtime import Runtime
from packistry.services.logs import PlainLines
from packistry.services.plugins import Plugins
from packistry.services.secrets import KEY_FILE, new_key
from packistry.settings import Settings
from tests.client.git_server import GitServer
from tests.functional.conftest import Stock, basic, bearer
from tests.importing import Importing
from tests.repositories import GitRepository

CANARY = "c4nary/W0rd+x"
SPELLINGS = (
    CANARY,
    quote(CANARY, safe=""),
    b64encode(CANARY.encode()).decode(),
    b64encode(f"ada:{CANARY}".encode()).decode(),
    "c4nary",
)


class LeakyConfig(Config):
    needed: int
    token: SecretStr = SecretStr("")


class Leaky(SourceProvider[LeakyConfig]):
    """Raises what it knows, wherever a test says."""

    name = "leaky"
    title = "Leaky"
    Config = LeakyConfig
    where = ""

    def _leak(self, where: str) -> None:
        if where == type(self).where:
            raise ValueError(f"cannot use {self.config.token.get_secret_value()}\n2026-01-01 ERROR")

    def check(self) -> Sequence[str]:
        self._leak("check")
        return ()

    def projects(self, search: str = "") -> Iterator[Project]:
        self._leak("projects")
        return iter(())

    def project(self, id: str) -> Project:  # noqa: A002 - the contract's word
        self._leak("project")
        return Project(id=id, path=id)

    def open(self, project: Project, workspace: Path) -> Any:
        self._leak("open")
        raise AssertionError(self.config.token.get_secret_value())


class Leaking:
    @hookimpl
    def packistry_source_providers(self) -> list[type[SourceProvider[Any]]]:
        return [Leaky]

    @hookimpl
    def packistry_event(self, event: object) -> None:
        raise ValueError(f"{event} {CANARY}")


class Installed(EntryPoint):
    def load(self) -> object:
        return Leaking()


class World:
    """An installation full of secrets, and what can be seen of it."""

    def __init__(self, runtime: Runtime, log: io.StringIO) -> None:
        self.runtime, self.log = runtime, log
        self.importing, self.stock = Importing(runtime), Stock(runtime)
        self.stock.repository()
        self.stock.version("acme/lib", "1.0.0")
        self.token = self.stock.token(repositories=("",), write=True)
        self.admin = self.stock.user_token(admin=True)
        self.words = [*SPELLINGS, self.token[5:], self.admin[6:]]

    def assert_nothing_tells(self, *shown: object) -> None:
        """Neither what was shown, nor the log, nor a row, nor a file holds a secret."""
        seen = {"shown": repr(shown), "log": self.log.getvalue()}
        engine = self.runtime.engine
        with engine.connect() as connection:
            for table in inspect(engine).get_table_names():
                rows = connection.execute(text(f"SELECT * FROM {table}")).all()
                seen[table] = repr(rows)
        for path in self.runtime.settings.root.rglob("*"):
            if path.is_file() and path.name != KEY_FILE and "sqlite" not in path.name:
                seen[str(path)] = path.read_bytes().decode("latin-1")
        for place, content in seen.items():
            for word in self.words:
                assert word not in content, (place, word)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What `packistry serve` would write, and more: every logger, at every level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainLines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def world(settings: Settings, log: io.StringIO) -> Iterator[World]:
    runtime = Runtime(
        settings.model_copy(
            update={"git_allow_http": True, "secret_key": SecretStr(f"{new_key()},{new_key()}")}
        )
    )
    runtime.prepare()
    builtin = EntryPoint(name="builtin", value="packistry.builtin", group="packistry")
    ours = Installed(name="leaky", value="leaky", group="packistry")
    runtime.plugins = Plugins.load([builtin, ours])
    yield World(runtime, log)
    runtime.close()


ECHOES: dict[str, Callable[[GitServer], None]] = {
    "refuses and repeats the header": lambda server: _answer(server, HTTPStatus.FORBIDDEN),
    "breaks and repeats the header": lambda server: _answer(server, HTTPStatus.BAD_GATEWAY),
    "is gone and repeats the header": lambda server: _answer(server, HTTPStatus.NOT_FOUND),
    "redirects to an address with the secret": lambda server: setattr(
        server, "redirect", f"http://ada:{quote(CANARY)}@127.0.0.1:1"
    ),
    "wants other credentials": lambda server: setattr(server, "password", "other"),
}


def _answer(server: GitServer, status: HTTPStatus) -> None:
    server.status = status
    words = "\n".join(SPELLINGS[:4])
    server.message = f"You sent Authorization: Basic {SPELLINGS[3]}\n{words}\n".encode()


@pytest.mark.parametrize("way", ECHOES.values(), ids=ECHOES.keys())
def test_a_canary_secret_is_nowhere_after_a_host_failed(
    world: World, tmp_path: Path, way: Callable[[GitServer], None]
) -> None:
    repository = GitRepository(tmp_path / "hosted" / "lib.git")
    repository.commit({"name": "acme/hosted"})
    with GitServer(tmp_path / "hosted", username="ada", password=CANARY) as server:
        way(server)
        config = {"url": server.url(""), "username": "ada", "password": CANARY}
        with world.runtime.transaction() as services:
            services.sources.add(NewSource(name="git", provider="git", config=config))
        package = world.importing.add(server.url("lib.git"))
        sync = world.importing.sync(package)
        assert sync.state is not SyncState.DONE
        assert sync.error
        world.assert_nothing_tells(sync.error)


@pytest.mark.parametrize("where", ["check", "projects", "project", "open", "anything else"])
def test_a_canary_secret_is_nowhere_after_a_plugin_raised_it(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(Leaky, "where", where)
    config = {"needed": 1, "token": CANARY}
    with world.runtime.transaction() as services:
        services.sources.add(NewSource(name="leaky", provider="leaky", config=config))
    shown: list[str] = []
    with world.runtime.transaction() as services:
        provider = world.runtime.provider(services.sources.get("leaky"))
    for ask in (provider.check, lambda: list(provider.projects()), lambda: provider.project("x")):
        try:
            ask()
        except ValueError:
            logging.getLogger("test").exception("The plugin failed.")
    with suppress(PackistryError):
        package = world.importing.add("x", provider="leaky")
        jobs.run(world.runtime, "sync", world.importing.request(package))
        shown.append(repr(world.importing.project(package).unreachable))
    jobs.drain(world.runtime, ("deliver_event",))
    world.assert_nothing_tells(*shown)


FAULTY: list[tuple[str, dict[str, object]]] = [
    ("leaky", {"token": CANARY}),
    ("leaky", {"needed": "x", "token": CANARY}),
    ("leaky", {"needed": 1, "tokn": CANARY}),
    ("leaky", {"needed": CANARY}),
    ("leaky", {"needed": 1, "token": {"a": CANARY}}),
    ("git", {"ssh_key": CANARY}),
    ("git", {"ssh_key": f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n", "url": "ext::x"}),
    ("git", {"password": f"{CANARY}\nx"}),
    ("git", {"passwort": CANARY}),
]


@pytest.mark.parametrize(("provider", "config"), FAULTY)
def test_a_canary_secret_is_in_no_complaint_about_an_input(
    world: World, provider: str, config: dict[str, object]
) -> None:
    """A missing field beside it made pydantic print the whole input."""

    def add() -> None:
        with world.runtime.transaction() as services:
            services.sources.add(NewSource(name="x", provider=provider, config=config))

    with pytest.raises(PackistryError) as raised:
        add()
    logging.getLogger("test").error("It failed.", exc_info=raised.value)
    world.assert_nothing_tells(str(raised.value), raised.value, vars(raised.value))


def test_a_canary_secret_is_in_no_complaint_about_a_password(world: World) -> None:
    with pytest.raises(PackistryError) as raised:
        read(NewUser, name="", email="x", password=CANARY)
    world.assert_nothing_tells(str(raised.value), raised.value, vars(raised.value))


def test_a_canary_secret_is_in_no_error_of_the_database(world: World) -> None:
    statements = ("INSERT INTO tokens (hash) VALUES (:a)", "SELECT * FROM none WHERE x = :a")
    shown = []
    for statement in statements:
        with pytest.raises(DBAPIError) as raised, world.runtime.engine.begin() as connection:
            connection.execute(text(statement), {"a": CANARY})
        logging.getLogger("test").error("It failed.", exc_info=raised.value)
        shown.append(str(raised.value))
    world.assert_nothing_tells(*shown)


ROUTES = (
    "/packages.json",
    "/p2/acme/lib.json",
    "/p2/acme/none.json",
    "/list.json",
    "/search.json?q=lib",
    "/providers/acme/lib.json",
    "/acme/lib/1.0.0",
    "/acme/lib/nonsense",
    "/dists/acme/lib/1.0.0/abcdef.zip",
    "/r/none/packages.json",
    "/healthz",
    "/readyz",
    "/nothing/here/at/all",
    "/%ff",
)


@pytest.fixture
def app(world: World) -> Iterator[TestApp]:
    application = make_app(world.runtime)
    yield TestApp(application)
    application.close()


BREAKABLE = {
    "nothing": (),
    "reads": tuple(f"packistry.services.reads.Reads.{name}" for name in ("p2", "entrance", "dist")),
    "storage": tuple(f"packistry.builtin.storage.Local.{name}" for name in ("open", "exists")),
    "database": ("packistry.services.prepared.Connections.rows",),
}


@pytest.mark.parametrize("broken", BREAKABLE.values(), ids=BREAKABLE.keys())
def test_a_canary_secret_is_in_no_answer_whatever_is_broken(
    world: World, app: TestApp, monkeypatch: pytest.MonkeyPatch, broken: tuple[str, ...]
) -> None:
    """The tokens are canaries, too, sent in every way; a bug names all that it knows."""

    def fails(*arguments: Any, **_: Any) -> Any:
        raise ValueError(f"{arguments[-1]} {world.token} {world.admin} {CANARY}")

    with world.runtime.transaction() as services:
        new = NewSource(name="git", provider="git", config={"password": CANARY})
        services.sources.add(new)
    for name in broken:
        monkeypatch.setattr(name, fails)
    shown = [
        (answer.status, answer.headerlist, answer.body)
        for token in (world.token, world.admin)
        for headers in (bearer(token), basic("x", token), basic(token, ""), basic(token, "x"))
        for answer in everything(app, headers)
    ]
    # All that an answer may say of a bug is under which number the log has it.
    assert any(status.startswith("500") for status, *_ in shown) == bool(broken)
    assert ("ValueError" in world.log.getvalue()) == bool(broken)
    world.assert_nothing_tells(*shown)


def everything(app: TestApp, headers: dict[str, str]) -> Iterator[Any]:
    """The answer of every route."""
    for path in ROUTES:
        yield app.get(path, headers=headers, status="*", expect_errors=True)
    for path in ("/acme/lib", "/r/none/acme/lib"):
        upload = [("file", "x.zip", b"no zip")]
        yield app.post(path, upload_files=upload, headers=headers, status="*", expect_errors=True)
    installed = {"downloads": [{"name": "acme/lib", "version": "1.0.0.0"}]}
    yield app.post_json("/downloads", installed, headers=headers, status="*", expect_errors=True)


MASKS = ("argon2", "****", "[hidden]")


def test_no_get_returns_a_secret_masked_or_whole(world: World, app: TestApp) -> None:
    config = {"username": "ada", "password": CANARY}
    with world.runtime.transaction() as services:
        services.sources.add(NewSource(name="git", provider="git", config=config))
        services.users.add(
            read(NewUser, name="Bo", email="bo@example.org", password="a long " + CANARY)
        )
    with world.runtime.engine.connect() as connection:
        hashes = connection.scalars(text("SELECT hash FROM tokens")).all()
        hashes = [*hashes, *connection.scalars(text("SELECT secrets FROM sources")).all()]
        hashes += connection.scalars(text("SELECT password_hash FROM users")).all()
    keys = world.runtime.settings.secret_key.get_secret_value().split(",")
    for headers in (bearer(world.admin), bearer(world.token), {}):
        for path in ROUTES:
            answer = app.get(path, headers=headers, status="*")
            said = repr((answer.headerlist, answer.body))
            for secret in (
                *world.words,
                *filter(None, hashes),
                *keys,
                "argon2",
                "****",
                "[hidden]",
            ):
                assert secret not in said, path


def test_an_entry_of_the_log_cannot_be_forged(world: World) -> None:
    logging.getLogger("test").error("Ref %s is odd.", "a\n2026-01-01 ERROR x\r\x1b[2Jb\u202e")
    entry = world.log.getvalue().partition("Ref a")[2]
    assert entry == "\n  2026-01-01 ERROR x\n  [2Jb is odd.\n"
