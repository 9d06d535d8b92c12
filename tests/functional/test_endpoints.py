"""Lists, search, providers and installs: statements 52 to 55 of the conformance list."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from webtest import TestApp

from packistry.app import Application
from packistry.models import Download
from tests.functional.conftest import Stock, bearer

pytestmark = pytest.mark.any_database


@pytest.fixture
def shop(stock: Stock) -> None:
    stock.repository(public=True)
    packages: dict[str, dict[str, Any]] = {
        "acme/alpha": {"description": "Reads 100% of files", "keywords": ["io"]},
        "acme/beta": {"description": "Writes_files", "type": "symfony-bundle"},
        "zeta/log": {"description": "Alpha logging"},
    }
    for name, facts in packages.items():
        stock.package(name, **facts)
        stock.version(name, "1.0.0")


def names(answer) -> list[str]:
    return [result["name"] for result in answer.json["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["acme/alpha", "acme/beta", "zeta/log"]),
        ("?filter=acme%2F%2A", ["acme/alpha", "acme/beta"]),
        ("?filter=*A", ["acme/alpha", "acme/beta"]),
        ("?filter=acme", []),
        ("?vendor=acme&filter=*%2Fb*", ["acme/beta"]),
        ("?vendor=ac", []),
    ],
)
def test_the_list_is_narrowed_by_filter_and_vendor(
    app: TestApp, shop: None, query: str, expected: list[str]
) -> None:
    """Statement 52."""
    assert app.get(f"/list.json{query}").json == {"packageNames": expected}


def test_lists_and_searches_show_only_what_the_token_may_read(app: TestApp, stock: Stock) -> None:
    """Statement 52."""
    stock.repository()
    stock.version("acme/mine", "1.0.0", provide={"acme/virtual": "1.0"})
    stock.version("acme/hidden", "1.0.0", provide={"acme/virtual": "1.0"})
    token = bearer(stock.token(packages=(("", "acme/mine"),)))
    search = app.get("/search.json?q=acme", headers=token)
    providers = app.get("/providers/acme/virtual.json", headers=token)
    assert app.get("/list.json", headers=token).json["packageNames"] == ["acme/mine"]
    assert names(search) == ["acme/mine"]
    assert search.json["total"] == 1
    assert [row["name"] for row in providers.json["providers"]] == ["acme/mine"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=alpha&type=", ["acme/alpha", "zeta/log"]),
        ("q=ALPHA", ["acme/alpha", "zeta/log"]),
        ("q=zeta%2Flog", ["zeta/log"]),
        ("q=reads+files", ["acme/alpha"]),
        ("q=files+reads", ["acme/alpha"]),
        ("q=io", ["acme/alpha"]),
        ("q=&type=symfony-bundle", ["acme/beta"]),
        ("q=acme&type=library", ["acme/alpha"]),
        ("q=%25", ["acme/alpha"]),
        ("q=s_f", ["acme/beta"]),
        ("q=nothing", []),
    ],
)
def test_search_finds_words_anywhere(
    app: TestApp, shop: None, query: str, expected: list[str]
) -> None:
    """Statement 53."""
    answer = app.get(f"/search.json?{query}")
    assert names(answer) == expected
    assert answer.json["total"] == len(expected)


def test_search_goes_page_by_page(app: TestApp, shop: None) -> None:
    first = app.get("/search.json?q=&per_page=2")
    second = app.get(first.json["next"])
    assert names(first) + names(second) == ["acme/alpha", "acme/beta", "zeta/log"]
    assert "next" not in second.json


@pytest.mark.parametrize("query", ["per_page=0", "page=x", "page=-1", "q=" + "x" * 300])
def test_a_search_beyond_a_limit_is_a_400(app: TestApp, shop: None, query: str) -> None:
    assert app.get(f"/search.json?{query}", status=400).json["message"]


def test_search_shows_downloads_and_abandoned_packages(
    app: TestApp, application: Application, stock: Stock
) -> None:
    stock.repository(public=True)
    stock.package("acme/lib", abandoned="acme/new")
    shipped = stock.version("acme/lib", "1.0.0")
    app.get(shipped.path)
    application.parts.tally.flush()
    (result,) = app.get("/search.json?q=lib").json["results"]
    assert result["downloads"] == 1
    assert result["abandoned"] == "acme/new"


def test_providers_are_those_who_say_so_and_not_itself(app: TestApp, stock: Stock) -> None:
    """Statement 54."""
    stock.repository(public=True)
    stock.version("acme/virtual", "1.0.0", provide={"acme/virtual": "1.0"})
    stock.version("acme/one", "1.0.0", provide={"acme/virtual": "1.0"})
    stock.version("acme/two", "dev-main", default_branch=True, provide={"acme/virtual": "*"})
    stock.version("acme/talks", "1.0.0", extra={"acme/virtual": "1.0"})
    rows = app.get("/providers/acme/virtual.json").json["providers"]
    assert [row["name"] for row in rows] == ["acme/one", "acme/two"]
    assert set(rows[0]) == {"name", "description", "type"}
    app.get("/providers/acme/nothing.json", status=404)


def installs(application: Application, stock: Stock) -> dict[str, int]:
    application.parts.tally.flush()
    with stock.runtime.transaction() as services:
        return {
            row.version: row.installs for row in services.session.scalars(select(Download)).all()
        }


def test_installs_are_counted_once_an_entry(
    app: TestApp, application: Application, stock: Stock
) -> None:
    """Statement 55: unknown names, versions and shapes do not fail the batch."""
    stock.repository(public=True)
    stock.version("acme/lib", "1.0.0")
    stock.version("acme/lib", "dev-main", default_branch=True)
    entries = [
        {"name": "acme/lib", "version": "1.0.0.0", "downloaded": False},
        {"name": "acme/lib", "version": "1.0.0.0", "downloaded": 12},
        {"name": "acme/lib", "version": "9999999-dev"},
        {"name": "acme/lib", "version": "7.0.0.0"},
        {"name": "no/such", "version": "1.0.0.0"},
        {"name": "Not A Name\0", "version": "\ud800"},
        {"name": 5, "version": None},
    ]
    body = json.dumps({"downloads": entries}).encode()
    answer = app.post("/downloads", body, content_type="application/json", status=201)
    assert answer.json == {"status": "success"}
    assert installs(application, stock) == {"1.0.0.0": 2, "dev-main": 1}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"downloads":5}', b'{"downloads":[1]}', b"\xff", b"[" * 100_000],
)
def test_a_batch_that_cannot_be_read_is_a_400(app: TestApp, shop: None, body: bytes) -> None:
    """Statement 55."""
    app.post("/downloads", body, content_type="application/json", status=400)


def test_a_batch_without_end_is_a_413(app: TestApp, shop: None) -> None:
    app.post("/downloads", b" " * (1024 * 1024 + 1), status=413)


def test_installs_of_hidden_packages_are_not_counted(
    app: TestApp, application: Application, stock: Stock
) -> None:
    stock.repository()
    stock.version("acme/hidden", "1.0.0")
    stock.version("acme/mine", "1.0.0")
    token = bearer(stock.token(packages=(("", "acme/mine"),)))
    entries = [{"name": "acme/hidden", "version": "1.0.0.0"}]
    app.post_json("/downloads", {"downloads": entries}, headers=token, status=201)
    assert installs(application, stock) == {}


def test_the_process_says_whether_it_lives_and_can_work(app: TestApp) -> None:
    assert app.get("/healthz").json == {"status": "ok"}
    assert app.get("/readyz").json == {"status": "ok"}


def test_a_warm_update_is_all_304s(app: TestApp, shop: None) -> None:
    """Statement 37, as far as the server goes."""
    root = app.get("/packages.json")
    paths = ["/packages.json"] + [
        root.json["metadata-url"].replace("%package%", f"{name}{suffix}")
        for name in root.json["available-packages"]
        for suffix in ("", "~dev")
    ]
    for path in paths:
        date = app.get(path).headers["Last-Modified"]
        app.get(path, headers={"If-Modified-Since": date}, status=304)
