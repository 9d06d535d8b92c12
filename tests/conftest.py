"""A whole installation in a temporary directory: real database, storage and plugins.

`pytest --database=postgresql` (or mariadb) runs the same tests on a server of its own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, exists, insert, literal, select, union_all

from packistry import schema
from packistry.database import connect
from packistry.models import Base, Counter
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.settings import Settings
from tests import fresh, servers
from tests.hooked import Hooking, hooking


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql", "mariadb"),
        default="sqlite",
        help="the database that tests of data run on",
    )


@pytest.fixture(scope="session")
def database_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a server with an up-to-date database; "" for SQLite, one file a test."""
    kind = request.config.getoption("--database")
    if kind == "sqlite":
        yield ""
        return
    with getattr(servers, kind)() as url:
        engine = connect(url)
        schema.upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture(scope="session")
def database_engine(database_server: str) -> Iterator[Engine | None]:
    """For emptying the database of the server; None for SQLite."""
    engine = connect(database_server) if database_server else None
    yield engine
    if engine:
        engine.dispose()


@pytest.fixture
def database_url(database_server: str, database_engine: Engine | None) -> str:
    if database_engine:
        _empty(database_engine)
    return database_server


def _empty(engine: Engine) -> None:
    tables = list(reversed(Base.metadata.sorted_tables))
    filled = [
        select(literal(index)).where(exists(select(literal(1)).select_from(table)))
        for index, table in enumerate(tables)
    ]
    with engine.begin() as connection:
        for index in sorted(connection.scalars(union_all(*filled))):
            connection.execute(tables[index].delete())
        counters = {"generation": 1, "floor": 0, "downloads": now().date().toordinal()}
        rows = [{"name": name, "value": value} for name, value in counters.items()]
        connection.execute(insert(Counter), rows)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        url="http://packages.test",
        database_url=SecretStr(database_url),
        git_local_roots=(tmp_path,),
        workers=0,
        allow_hosts=("127.0.0.1", "localhost"),
    )


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    if not settings.database_url.get_secret_value():
        fresh.put(settings.root)
    runtime = Runtime(settings)
    runtime.prepare()
    yield runtime
    runtime.close()


@pytest.fixture
def services(runtime: Runtime) -> Iterator[Services]:
    with runtime.transaction() as services:
        yield services


@pytest.fixture
def hooks(runtime: Runtime) -> Iterator[Hooking]:
    """An installation that imports from hosts which send webhooks."""
    with hooking(runtime) as hooks:
        yield hooks
