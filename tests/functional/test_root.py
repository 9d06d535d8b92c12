"""packages.json: statements 1 to 10 of the conformance list."""

import pytest
from webtest import TestApp

from packistry.app import make_app
from tests.functional.conftest import Stock, bearer

pytestmark = pytest.mark.any_database


@pytest.fixture
def public(stock: Stock) -> None:
    stock.repository(public=True)
    stock.version("acme/lib", "1.0.0")


def test_the_root_is_json_with_a_metadata_url(app: TestApp, public: None) -> None:
    """Statement 1."""
    answer = app.get("/packages.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json["packages"] == []
    assert "%package%" in answer.json["metadata-url"]


def test_a_mistyped_url_is_told_as_composer_shows_it(app: TestApp, stock: Stock) -> None:
    stock.repository()
    for path in ("/team", "/rr/team", "/git/rr/team", "/r/acme/lib/x"):
        answer = app.get(f"{path}/packages.json", status=404)
        assert answer.headers["Content-Type"] == "application/json"
        assert "/r/" in answer.json["warning"]


def test_every_url_in_the_root_is_absolute_and_has_the_sub_path(app: TestApp, stock: Stock) -> None:
    """Statement 2."""
    stock.repository("team-x", public=True)
    root = app.get("/r/team-x/packages.json").json
    urls = [root[key] for key in ("metadata-url", "list", "search", "providers-api")]
    urls.append(root["notify-batch"])
    assert all(url.startswith("http://packages.test/r/team-x/") for url in urls)


def test_a_list_of_available_packages_or_patterns_is_there(app: TestApp, public: None) -> None:
    """Statement 3: no advisories are advertised, and a list is present."""
    root = app.get("/packages.json").json
    assert "security-advisories" not in root
    assert root["available-packages"] == ["acme/lib"]


def test_the_placeholders_are_where_composer_looks_for_them(app: TestApp, public: None) -> None:
    """Statement 4."""
    root = app.get("/packages.json").json
    assert "?" not in root["list"]
    assert "%query%" in root["search"]
    assert "%type%" in root["search"]
    assert "%package%" in root["providers-api"]


def test_an_empty_repository_does_not_say_that_it_has_no_list(app: TestApp, stock: Stock) -> None:
    """Statement 5: Composer takes an empty list for none and asks for every name."""
    stock.repository(public=True)
    root = app.get("/packages.json").json
    assert root.get("available-packages") != []
    assert root["available-package-patterns"]


def test_the_available_packages_are_those_whose_p2_answers(app: TestApp, stock: Stock) -> None:
    """Statement 6."""
    stock.repository()
    for name in ("acme/one", "acme/two", "other/three"):
        stock.version(name, "1.0.0")
    token = bearer(stock.token(packages=(("", "acme/one"), ("", "other/three"))))
    available = app.get("/packages.json", headers=token).json["available-packages"]
    answering = [
        name
        for name in ("acme/one", "acme/two", "other/three", "acme/none")
        if app.get(f"/p2/{name}.json", headers=token, status="*").status_int == 200
    ]
    assert available == answering == ["acme/one", "other/three"]


def test_the_date_of_the_root_changes_with_identity_and_grants(app: TestApp, stock: Stock) -> None:
    """Statement 7."""
    stock.repository()
    stock.version("acme/one", "1.0.0")
    stock.version("acme/two", "1.0.0")
    all_of_it = bearer(stock.token(repositories=("",)))
    one = bearer(stock.token(packages=(("", "acme/one"),)))
    dates = {
        app.get("/packages.json", headers=who).headers["Last-Modified"] for who in (all_of_it, one)
    }
    assert len(dates) == 2
    before = app.get("/packages.json", headers=all_of_it).headers["Last-Modified"]
    stock.version("acme/three", "1.0.0")
    after = app.get("/packages.json", headers=all_of_it | {"If-Modified-Since": before})
    assert after.status_int == 200
    assert "acme/three" in after.json["available-packages"]


def test_the_served_date_gets_a_304_without_a_body(app: TestApp, public: None) -> None:
    """Statement 8."""
    date = app.get("/packages.json").headers["Last-Modified"]
    answer = app.get("/packages.json", headers={"If-Modified-Since": date}, status=304)
    assert answer.body == b""
    assert answer.headers["Last-Modified"] == date


def test_a_query_does_not_matter(app: TestApp, public: None) -> None:
    """Statement 9."""
    assert app.get("/packages.json?x=1").json == app.get("/packages.json").json


def test_a_stranger_gets_a_401_and_no_login_page(app: TestApp, stock: Stock) -> None:
    """Statement 10."""
    stock.repository()
    answer = app.get("/packages.json", status=401)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    told = answer.json["warning"]
    assert told == app.get("/search.json", status=401).json["warning"]
    assert "--auth http-basic.packages.test token YOUR-TOKEN" in told


def test_a_repository_that_does_not_exist_looks_private(app: TestApp, stock: Stock) -> None:
    stock.repository("secret")
    for path in ("packages.json", "p2/acme/lib.json", "list.json", "search.json?q=x"):
        hidden = app.get(f"/r/secret/{path}", status=401)
        absent = app.get(f"/r/absent/{path}", status=401)
        assert (hidden.body, hidden.headerlist) == (absent.body, absent.headerlist)


def test_a_token_without_access_is_told_in_words(app: TestApp, stock: Stock) -> None:
    stock.repository("secret")
    token = bearer(stock.token())
    hidden = app.get("/r/secret/packages.json", headers=token, status=404)
    absent = app.get("/r/absent/packages.json", headers=token, status=404)
    assert "may not see this repository" in hidden.json["warning"]
    assert (hidden.body, hidden.headerlist) == (absent.body, absent.headerlist)


def test_a_grant_on_one_package_opens_no_other_repository(app: TestApp, stock: Stock) -> None:
    stock.repository("one")
    stock.repository("two")
    stock.version("acme/lib", "1.0.0", "one")
    token = bearer(stock.token(packages=(("one", "acme/lib"),)))
    app.get("/r/one/packages.json", headers=token, status=200)
    app.get("/r/two/packages.json", headers=token, status=404)


def test_reserved_vendors_are_patterns(app: TestApp, stock: Stock) -> None:
    stock.repository(public=True, reserved=("acme",))
    stock.version("other/lib", "1.0.0")
    root = app.get("/packages.json").json
    assert root["available-package-patterns"] == ["acme/*"]
    assert root["available-packages"] == ["other/lib"]


def test_composer_1_is_told_to_upgrade_and_composer_2_is_not(app: TestApp, public: None) -> None:
    root = app.get("/packages.json").json
    assert root["warning-versions"] == "<1.999"


def test_equal_content_has_an_equal_date_after_a_restart(
    app: TestApp, public: None, stock: Stock
) -> None:
    again = make_app(stock.runtime)
    first, second = app.get("/packages.json"), TestApp(again).get("/packages.json")
    again.close()
    assert first.headers["Last-Modified"] == second.headers["Last-Modified"]


def test_the_root_is_private_unless_the_repository_is_public(app: TestApp, stock: Stock) -> None:
    stock.repository()
    token = bearer(stock.token(repositories=("",)))
    private = app.get("/packages.json", headers=token).headers
    stock.publish(public=True)
    public = app.get("/packages.json", headers=token).headers
    assert private["Cache-Control"] == "private, no-cache"
    assert public["Cache-Control"] == "public, no-cache"
    assert "Authorization" in private["Vary"]


def test_head_answers_like_get_without_a_body(app: TestApp, public: None) -> None:
    get, head = app.get("/packages.json"), app.head("/packages.json")
    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(get.body))
    assert head.headers["Last-Modified"] == get.headers["Last-Modified"]
