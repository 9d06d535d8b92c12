"""The recipe of docs/operations.md for the databases that are servers."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from packistry.database import connect
from packistry.models import Base
from tests import servers
from tests.recipes import Place, recipe, release


@dataclass(frozen=True, kw_only=True)
class Server:
    """A database server, the tools for it, and what makes its database an empty one again."""

    url: str
    dump: str
    load: str
    empty: str
    environment: Mapping[str, str]


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with getattr(servers, request.param)() as url:
        parts = make_url(url)
        host, port = str(parts.host), str(parts.port)
        if request.param == "postgresql":
            yield Server(
                url=url,
                dump="pg_dump",
                load="pg_restore",
                empty="dropdb packistry && createdb packistry",
                environment={"PGHOST": host, "PGPORT": port, "PGUSER": "postgres"},
            )
        else:
            (tmp_path / ".my.cnf").write_text(
                f"[client]\nhost={host}\nport={port}\nuser=p\npassword=p\n"
            )
            yield Server(
                url=url,
                dump="mariadb-dump",
                load="mariadb",
                empty="mariadb -e 'DROP DATABASE packistry; CREATE DATABASE packistry'",
                environment={"HOME": str(tmp_path)},
            )


def rows(url: str) -> dict[str, Any]:
    engine = connect(url)
    with engine.connect() as connection:
        found = {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in Base.metadata.sorted_tables
        }
    engine.dispose()
    return found


def test_the_recipe_restores_every_row(server: Server, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    upstream = tmp_path / "lib"
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(upstream)], check=True)
    release(upstream, "v1.0.0")
    given = {**server.environment, "PACKISTRY_DATABASE_URL": server.url}
    old = Place(tmp_path, tmp_path / "data", **given)
    old.run(
        "packistry repository add 'Größe 📦'",
        "packistry source add git --provider git --set password=canary",
        f"packistry package add --repository '' --source git --wait {upstream}",
    )
    before = rows(server.url)
    old.run(*recipe("Backups", server.dump), *recipe("Backups")[1:])
    old.run(server.empty)

    new = Place(tmp_path, tmp_path / "new", **given)
    first, _database, *others = recipe("Restoring")
    said = new.run(first, *recipe("Restoring", server.load), *others)
    assert "Every stored secret can be decrypted." in said
    assert "0 cannot be served." in said
    after = rows(server.url)
    assert before["documents"]
    assert after == before
