"""Credentials and errors: statements 46 to 51 of the conformance list."""

import logging

import pytest
from webtest import TestApp

from packistry.models import Role, User
from tests.functional.conftest import Stock, basic, bearer

pytestmark = pytest.mark.any_database

READS = (
    "/packages.json",
    "/p2/acme/lib.json",
    "/list.json",
    "/search.json?q=lib",
    "/providers/acme/virtual.json",
    "/acme/lib/1.0.0",
)


@pytest.fixture
def token(stock: Stock) -> str:
    stock.repository()
    stock.version("acme/lib", "1.0.0", provide={"acme/virtual": "1.0"})
    return stock.token(repositories=("",))


@pytest.mark.parametrize("form", ["password", "user name", "user name alone", "bearer"])
def test_each_form_of_credentials_works_everywhere(app: TestApp, token: str, form: str) -> None:
    """Statement 46."""
    headers = {
        "password": basic("anyone", token),
        "user name": basic(token, "x-oauth-basic"),
        "user name alone": basic(token, ""),
        "bearer": bearer(token),
    }[form]
    for path in READS:
        app.get(path, headers=headers, status=200)
    app.post_json("/downloads", {"downloads": []}, headers=headers, status=201)


BAD = [
    "Bearer nonsense",
    "Bearer ",
    "Basic",
    "Basic !!!",
    "Basic Og==",
    "Digest username=x",
    "Bearer pkdt-" + "a" * 48,
    "Bearer " + "x" * 5000,
    "Bearer pkdt-\xe9",
]


@pytest.mark.parametrize("header", BAD)
@pytest.mark.parametrize("public", [False, True])
def test_bad_credentials_are_a_401_with_a_warning(
    app: TestApp, stock: Stock, token: str, header: str, public: bool
) -> None:
    """Statements 47 and 49, on public repositories too."""
    stock.publish(public=public)
    for path in READS:
        answer = app.get(path, headers={"Authorization": header}, status=401)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert answer.json["status"] == "error"
        assert answer.json["warning"]


def test_a_bad_token_cannot_post(app: TestApp, token: str) -> None:
    bad = {"Authorization": "Bearer nonsense"}
    app.post_json("/downloads", {"downloads": []}, headers=bad, status=401)
    app.post("/acme/lib", b"x", headers=bad, status=401)


def test_the_prefix_must_be_that_of_the_kind(app: TestApp, token: str) -> None:
    """A `pkdt-` body under `pkpat-` is unknown."""
    other = token.replace("pkdt-", "pkpat-")
    app.get("/packages.json", headers=bearer(other), status=401)


def test_visibility_is_never_a_403(app: TestApp, stock: Stock, token: str) -> None:
    """Statement 48."""
    stranger = bearer(stock.token())
    for path in READS:
        assert app.get(path, headers=stranger, status="*").status_int == 404


@pytest.mark.parametrize("path", ["/nothing/here", "/r/x/nothing", "/p2/a/b/c.json"])
def test_errors_are_plain_json(app: TestApp, token: str, path: str) -> None:
    """Statement 49."""
    answer = app.get(path, headers=bearer(token), status=404)
    assert answer.headers["Content-Type"] == "application/json"


def test_a_thousand_requests_are_no_flood(app: TestApp, token: str) -> None:
    """Statement 51: a cold update asks for hundreds of p2 files."""
    statuses = {
        app.get(f"/p2/acme/n{n}.json", headers=bearer(token), status="*").status_int
        for n in range(1000)
    }
    assert statuses == {404}


def test_a_disabled_user_has_no_token(app: TestApp, stock: Stock) -> None:
    stock.repository()
    stock.version("acme/lib", "1.0.0")
    headers = bearer(stock.user_token(repositories=("",)))
    app.get("/p2/acme/lib.json", headers=headers, status=200)
    with stock.runtime.transaction() as services:
        services.session.query(User).one().active = False
    for path in READS:
        app.get(path, headers=headers, status=401)


def test_an_admin_sees_everything_until_they_are_none(app: TestApp, stock: Stock) -> None:
    stock.repository()
    stock.version("acme/lib", "1.0.0")
    headers = bearer(stock.user_token(admin=True))
    app.get("/p2/acme/lib.json", headers=headers, status=200)
    with stock.runtime.transaction() as services:
        services.session.query(User).one().role = Role.USER
    app.get("/p2/acme/lib.json", headers=headers, status=404)


def test_a_grant_taken_back_shuts_the_door_at_once(app: TestApp, stock: Stock, token: str) -> None:
    app.get("/p2/acme/lib.json", headers=bearer(token), status=200)
    with stock.runtime.transaction() as services:
        for row in services.tokens.all():
            row.grants.clear()
    app.get("/p2/acme/lib.json", headers=bearer(token), status=404)


def test_a_token_that_may_not_read_sees_nothing(app: TestApp, stock: Stock, token: str) -> None:
    with stock.runtime.transaction() as services:
        for row in services.tokens.all():
            row.can_read = False
    for path in READS:
        app.get(path, headers=bearer(token), status=404)


def test_no_log_line_holds_a_token(
    app: TestApp, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for headers in (bearer(token), basic("x", token), basic(token, "")):
            for path in (*READS, "/nothing"):
                app.get(path, headers=headers, status="*")
    assert token.partition("-")[2] not in caplog.text
