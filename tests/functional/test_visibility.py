"""For each read route and identity, a hidden and an absent package answer identically."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event
from webtest import TestApp

from packistry.services.prepared import Connections
from tests.functional.conftest import Stock, bearer

pytestmark = pytest.mark.any_database

ROUTES = (
    "/p2/acme/{name}.json",
    "/p2/acme/{name}~dev.json",
    "/providers/acme/{name}.json",
    "/acme/{name}/1.0.0",
    "/dists/acme/{name}/1.0.0/{reference}.zip",
    "/list.json?filter=acme%2F{name}",
    "/search.json?q=acme%2F{name}",
)


@pytest.fixture
def statements(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every SQL statement that is run."""
    seen: list[str] = []
    rows = Connections.rows

    def counted(self, statement, values):
        seen.append(statement.sql)
        return rows(self, statement, values)

    def noted(connection, cursor, statement, parameters, context, executemany):
        seen.append(statement)

    monkeypatch.setattr(Connections, "rows", counted)
    event.listen(stock.runtime.engine, "before_cursor_execute", noted)
    yield seen
    event.remove(stock.runtime.engine, "before_cursor_execute", noted)


@pytest.mark.parametrize("identity", ["nobody", "a token of nothing", "a token of another package"])
@pytest.mark.parametrize("public", [False, True], ids=["private", "beside a public one"])
@pytest.mark.parametrize("route", ROUTES)
def test_hidden_and_absent_are_told_apart_by_nothing(
    app: TestApp, stock: Stock, statements: list[str], route: str, identity: str, public: bool
) -> None:
    stock.repository()
    stock.repository("open", public=public)
    stock.version("acme/seen", "1.0.0", provide={"acme/hidden": "1.0", "acme/absent": "1.0"})
    reference = stock.version("acme/hidden", "1.0.0", provide={"acme/x": "1"}).reference
    headers = {
        "nobody": {},
        "a token of nothing": bearer(stock.token()),
        "a token of another package": bearer(stock.token(packages=(("", "acme/seen"),))),
    }[identity]
    answers = {}
    for name in ("hidden", "absent"):
        app.get("/healthz")
        statements.clear()
        answer = app.get(route.format(name=name, reference=reference), headers=headers, status="*")
        told = [(key, value) for key, value in answer.headerlist if key != "Date"]
        body = answer.body.replace(name.encode(), b"NAME")
        answers[name] = (answer.status, body, told, list(statements))
    assert answers["hidden"] == answers["absent"]
