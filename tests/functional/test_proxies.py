"""Where links point, and whom forwarded headers are believed from."""

import pytest
from webtest import TestApp

from packistry.app import make_app
from packistry.runtime import Runtime
from packistry.settings import Settings
from tests.functional.conftest import Stock

pytestmark = pytest.mark.any_database

FORWARDED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Port": "666",
    "Forwarded": "host=evil.example",
}


@pytest.fixture
def open_app(settings: Settings, stock: Stock):
    """An application with other settings, by name."""
    stock.repository(public=True)
    stock.version("acme/lib", "1.0.0")
    opened = []

    def open_(**changes) -> TestApp:
        runtime = Runtime(settings.model_copy(update=changes))
        application = make_app(runtime)
        opened.append((application, runtime))
        return TestApp(application, extra_environ={"REMOTE_ADDR": "10.1.2.3"})

    yield open_
    for application, runtime in opened:
        application.close()
        runtime.close()


def link(app: TestApp, **headers: str) -> str:
    answer: str = app.get("/packages.json", headers=headers).json["list"]
    return answer


def test_links_are_those_of_the_configured_url_whatever_the_request_says(open_app) -> None:
    app = open_app(url="https://packages.example.org/php")
    assert link(app, Host="other.example") == "https://packages.example.org/php/list.json"
    assert app.get("/php/packages.json").json == app.get("/packages.json").json


def test_without_a_url_links_follow_the_host(open_app) -> None:
    app = open_app(url="", listen="127.0.0.1:8080")
    assert link(app, Host="a.example:8080") == "http://a.example:8080/list.json"
    assert link(app, Host="b.example:80") == "http://b.example/list.json"
    p2 = app.get("/p2/acme/lib.json", headers={"Host": "c.example"})
    assert p2.json["packages"]["acme/lib"][0]["dist"]["url"].startswith("http://c.example/dists/")


@pytest.mark.parametrize("host", ["a b", "a/b", "evil\\x", "x" * 300, "a:b:c", "[::1", "é"])
def test_a_host_that_is_none_is_a_400(open_app, host: str) -> None:
    app = open_app(url="")
    app.get("/packages.json", headers={"Host": host.encode().decode("latin-1")}, status=400)


def test_a_stranger_forwards_nothing(open_app) -> None:
    """`X-Forwarded-Host: evil` from an untrusted peer changes no link, log address or redirect."""
    app = open_app(url="", trusted_proxies=("10.9.0.0/16",))
    assert link(app, Host="a.example", **FORWARDED) == "http://a.example/list.json"


def test_a_trusted_proxy_is_believed(open_app) -> None:
    app = open_app(url="", trusted_proxies=("10.1.0.0/16",))
    headers = {
        "X-Forwarded-Host": "evil.example, packages.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/php",
    }
    assert link(app, Host="inside", **headers) == "https://packages.example/php/list.json"


def test_what_a_trusted_proxy_says_is_still_checked(open_app) -> None:
    app = open_app(url="", trusted_proxies=("10.1.2.3",))
    headers = {"X-Forwarded-Host": "e vil", "X-Forwarded-Prefix": '/../x"', "Host": "a.example"}
    assert link(app, **headers) == "http://a.example/list.json"
