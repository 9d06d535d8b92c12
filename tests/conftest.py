"""A whole installation in a temporary directory: real database, storage and plugins.

`pytest --database=postgresql` (or mariadb) runs the same tests on a server of its own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import insert

from packistry import schema
from packistry.database import connect
from packistry.models import Base, Counter
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.settings import Settings
from tests import servers


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


@pytest.fixture
def database_url(database_server: str) -> str:
    if database_server:
        _empty(database_server)
    return database_server


def _empty(url: str) -> None:
    engine = connect(url)
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(
            insert(Counter), [{"name": "generation", "value": 1}, {"name": "floor", "value": 0}]
        )
    engine.dispose()


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
    runtime = Runtime(settings)
    runtime.prepare()
    yield runtime
    runtime.close()


@pytest.fixture
def services(runtime: Runtime) -> Iterator[Services]:
    with runtime.transaction() as services:
        yield services
