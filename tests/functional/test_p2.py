"""p2 files: statements 11 to 35 of the conformance list."""

import gzip
import json
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from pyramid.request import Request
from sqlalchemy import update
from webtest import TestApp

from packistry.app import Application, make_app
from packistry.composer.minifier import expand
from packistry.composer.semver import normalize, normalize_branch
from packistry.models import Document
from packistry.web.front import Cache
from tests.functional.conftest import Stock, bearer

pytestmark = pytest.mark.any_database

STABLE, DEV = "/p2/acme/lib.json", "/p2/acme/lib~dev.json"


@pytest.fixture
def lib(stock: Stock) -> None:
    stock.repository(public=True)
    stock.version("acme/lib", "1.0.0", license=["MIT"], require={"php": "^8"})
    stock.version("acme/lib", "1.1.0", description="More", abandoned_note="x")
    stock.version("acme/lib", "dev-main", default_branch=True)


def versions(answer, name: str = "acme/lib") -> list[dict[str, Any]]:
    return expand(answer.json["packages"][name])


def test_the_stable_file_has_the_versions_that_are_not_dev(app: TestApp, lib: None) -> None:
    """Statement 11."""
    answer = app.get(STABLE)
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json["packages"]) == ["acme/lib"]
    assert [version["version"] for version in versions(answer)] == ["1.1.0", "1.0.0"]


def test_the_dev_file_has_the_dev_versions(app: TestApp, lib: None) -> None:
    """Statement 12."""
    assert [version["version"] for version in versions(app.get(DEV))] == ["dev-main"]


def test_an_escaped_tilde_gives_the_same_bytes(app: TestApp, lib: None) -> None:
    """Statement 13."""
    assert app.get("/p2/acme/lib%7Edev.json").body == app.get(DEV).body


@pytest.mark.parametrize("file", ["none.json", "none~dev.json"])
def test_an_unknown_package_is_a_small_404(app: TestApp, lib: None, file: str) -> None:
    """Statement 14."""
    answer = app.get(f"/p2/acme/{file}", status=404)
    assert len(answer.body) < 100
    assert "warning" not in answer.json
    assert "Set-Cookie" not in answer.headers
    assert "Location" not in answer.headers


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("suffix", ["", "~dev"])
def test_a_hidden_package_answers_as_an_unknown_one(
    app: TestApp, stock: Stock, conditional: bool, suffix: str
) -> None:
    """Statement 15."""
    stock.repository()
    stock.version("acme/seen", "1.0.0")
    stock.version("acme/hidden", "1.0.0")
    everything = bearer(stock.token(repositories=("",)))
    little = bearer(stock.token(packages=(("", "acme/seen"),)))
    path = f"/p2/acme/hidden{suffix}.json"
    if conditional:
        date = app.get(path, headers=everything).headers["Last-Modified"]
        little |= {"If-Modified-Since": date}
    hidden = app.get(path, headers=little, status=404)
    unknown = app.get(f"/p2/acme/nothing{suffix}.json", headers=little, status=404)
    assert (hidden.body, hidden.headerlist) == (unknown.body, unknown.headerlist)


def test_a_package_without_tags_has_a_dev_file_and_an_empty_stable_one(
    app: TestApp, stock: Stock
) -> None:
    """Statement 16."""
    stock.repository(public=True)
    stock.version("acme/lib", "dev-main")
    assert app.get(STABLE).json["packages"] == {"acme/lib": []}
    assert len(versions(app.get(DEV))) == 1


def test_a_name_in_upper_case_is_not_another_package(app: TestApp, lib: None) -> None:
    """Statement 17."""
    app.get("/p2/Acme/Lib.json", status=404)


@pytest.mark.parametrize("name", ["a.b/c_d", "acme/x--y", "1/2", "a-b/c.d-e", "acme/dev"])
def test_names_with_punctuation_and_digits_are_found(app: TestApp, stock: Stock, name: str) -> None:
    """Statement 18."""
    stock.repository(public=True)
    stock.version(name, "1.0.0")
    assert list(app.get(f"/p2/{name}.json").json["packages"]) == [name]
    app.get(f"/p2/{name}.json.json", status=404)


def test_only_the_served_date_gets_a_304(app: TestApp, lib: None) -> None:
    """Statement 19."""
    date = app.get(STABLE).headers["Last-Modified"]
    same = app.get(STABLE, headers={"If-Modified-Since": date}, status=304)
    assert same.body == b""
    for other in ("Thu, 01 Jan 1970 00:00:01 GMT", "Fri, 01 Jan 2100 00:00:00 GMT", "rubbish"):
        app.get(STABLE, headers={"If-Modified-Since": other}, status=200)


def test_two_changes_within_a_second_have_two_dates(app: TestApp, stock: Stock, lib: None) -> None:
    """Statement 20."""
    dates = set()
    for number in range(3):
        stock.version("acme/lib", f"2.{number}.0")
        dates.add(app.get(STABLE).headers["Last-Modified"])
    assert len(dates) == 3


def test_a_package_that_comes_back_has_a_date_never_used(
    app: TestApp, stock: Stock, lib: None
) -> None:
    """Statement 21."""
    stock.version("acme/lib", "3.0.0")
    before = app.get(STABLE).headers["Last-Modified"]
    stock.remove("acme/lib")
    app.get(STABLE, headers={"If-Modified-Since": before}, status=404)
    stock.version("acme/lib", "1.0.0")
    answer = app.get(STABLE, headers={"If-Modified-Since": before}, status=200)
    assert moment(answer.headers["Last-Modified"]) > moment(before)


def moment(date: str) -> datetime:
    return parsedate_to_datetime(date)


def test_unchanged_content_keeps_its_date(app: TestApp, stock: Stock, lib: None) -> None:
    """Statement 22: rendered again, and by another process."""
    before = app.get(STABLE)
    stock.version("acme/lib", "1.1.0", description="More", abandoned_note="x")
    again = make_app(stock.runtime)
    after = TestApp(again).get(STABLE)
    again.close()
    assert after.headers["Last-Modified"] == before.headers["Last-Modified"]
    assert after.body == before.body


@pytest.mark.parametrize("path", [STABLE, "/packages.json", "/list.json", "/search.json?q=lib"])
def test_gzip_is_for_those_who_accept_it(application: Application, lib: None, path: str) -> None:
    """Statement 23."""
    # WebTest would unzip what it gets.
    accepting = {"Accept-Encoding": "deflate, gzip, br, zstd"}
    plain = Request.blank(path).get_response(application)
    zipped = Request.blank(path, headers=accepting).get_response(application)
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in zipped.headers["Vary"]
    assert gzip.decompress(zipped.body) == plain.body


def test_gzip_of_quality_nought_is_refused(application: Application, lib: None) -> None:
    refusing = {"Accept-Encoding": "br, gzip;q=0"}
    answer = Request.blank(STABLE, headers=refusing).get_response(application)
    assert "Content-Encoding" not in answer.headers


def test_shared_caches_are_told_apart_who_asked(app: TestApp, stock: Stock) -> None:
    """Statement 24."""
    stock.repository()
    stock.version("acme/lib", "1.0.0")
    token = bearer(stock.token(repositories=("",)))
    for path in (STABLE, "/packages.json", "/list.json"):
        headers = app.get(path, headers=token).headers
        assert headers["Cache-Control"] == "private, no-cache"
        assert "Authorization" in headers["Vary"]


def test_expanding_gives_the_stored_versions(app: TestApp, stock: Stock) -> None:
    """Statement 25: with keys that go, and true beside 1."""
    stock.repository(public=True)
    stock.version("acme/lib", "1.0.0", extra={"x": True}, homepage="https://a.example")
    stock.version("acme/lib", "1.1.0", extra={"x": 1})
    answer = app.get(STABLE)
    newer, older = versions(answer)
    assert answer.json["minified"] == "composer/2.0"
    assert newer["extra"]["x"] is not True
    assert older["extra"]["x"] is True
    assert older["homepage"] == "https://a.example"
    assert "homepage" not in newer


def test_a_document_has_only_keys_that_are_the_protocols(app: TestApp, lib: None) -> None:
    """Statement 26: never "last-modified", which is where the client keeps its own."""
    assert set(app.get(STABLE).json) <= {"minified", "packages", "security-advisories"}


def test_versions_say_who_they_are_in_text(app: TestApp, lib: None) -> None:
    """Statement 28."""
    for path in (STABLE, DEV):
        for version in versions(app.get(path)):
            name = version["version"]
            expected = normalize_branch(name[4:]) if name.startswith("dev-") else normalize(name)
            assert version["name"] == "acme/lib"
            assert version["version_normalized"] == expected


def test_dists_are_complete(app: TestApp, lib: None) -> None:
    """Statements 29 and 30."""
    for path in (STABLE, DEV):
        for version in versions(app.get(path)):
            assert {"type", "url", "reference"} <= set(version["dist"])


def test_one_version_is_of_the_default_branch_and_it_is_dev(app: TestApp, lib: None) -> None:
    """Statement 31."""
    assert [v.get("default-branch") for v in versions(app.get(DEV))] == [True]
    assert all("default-branch" not in v for v in versions(app.get(STABLE)))


def test_all_versions_are_abandoned_or_none(app: TestApp, stock: Stock) -> None:
    """Statement 32."""
    stock.repository(public=True)
    stock.package("acme/lib", abandoned="acme/other")
    for version in ("1.0.0", "1.1.0", "dev-main"):
        stock.version("acme/lib", version)
    found = versions(app.get(STABLE)) + versions(app.get(DEV))
    assert [version["abandoned"] for version in found] == ["acme/other"] * 3


def test_times_are_rfc_3339_in_utc(app: TestApp, lib: None) -> None:
    """Statement 33."""
    assert {v["time"] for v in versions(app.get(STABLE))} == {"2024-05-06T07:08:09+00:00"}


def test_a_licence_is_a_list(app: TestApp, lib: None) -> None:
    """Statement 34."""
    licences = [v["license"] for v in versions(app.get(STABLE)) if "license" in v]
    assert licences == [["MIT"]]


def test_advisories_are_in_no_dev_file(app: TestApp, lib: None) -> None:
    """Statement 35."""
    assert "security-advisories" not in app.get(DEV).json
    assert "filter" not in app.get(DEV).json


def test_a_change_is_seen_by_the_next_request(app: TestApp, stock: Stock, lib: None) -> None:
    app.get(STABLE)
    stock.version("acme/lib", "9.0.0")
    assert versions(app.get(STABLE))[0]["version"] == "9.0.0"


def test_reserved_names_are_answered_for_known_hidden_or_not(app: TestApp, stock: Stock) -> None:
    stock.repository(reserved=("acme",))
    stock.version("acme/hidden", "1.0.0")
    stock.version("other/seen", "1.0.0")
    token = bearer(stock.token(packages=(("", "other/seen"),)))
    hidden = app.get("/p2/acme/hidden.json", headers=token, status=200)
    absent = app.get("/p2/acme/absent.json", headers=token, status=200)
    assert hidden.json["packages"] == {"acme/hidden": []}
    assert hidden.body.replace(b"hidden", b"absent") == absent.body
    assert hidden.headerlist == absent.headerlist
    app.get("/p2/other/absent.json", headers=token, status=404)


def test_reserved_names_are_not_answered_for_outside_the_repository(
    app: TestApp, stock: Stock
) -> None:
    stock.repository(reserved=("acme",))
    app.get("/p2/acme/absent.json", headers=bearer(stock.token()), status=404)
    app.get("/p2/acme/absent.json", status=401)


def test_a_reserved_name_that_comes_into_being_is_not_a_304(app: TestApp, stock: Stock) -> None:
    stock.repository(public=True, reserved=("acme",))
    date = app.get(STABLE).headers["Last-Modified"]
    app.get(STABLE, headers={"If-Modified-Since": date}, status=304)
    stock.version("acme/lib", "1.0.0")
    app.get(STABLE, headers={"If-Modified-Since": date}, status=200)


def test_an_etag_gets_a_304_too(app: TestApp, lib: None) -> None:
    etag = app.get(STABLE).headers["ETag"]
    app.get(STABLE, headers={"If-None-Match": f'"x", W/{etag}'}, status=304)
    app.get(STABLE, headers={"If-None-Match": '"x"'}, status=200)


def test_head_is_get_without_a_body(app: TestApp, lib: None) -> None:
    get, head = app.get(STABLE), app.head(STABLE)
    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(get.body))


def test_the_cache_forgets_when_it_is_full(app: TestApp, lib: None) -> None:
    small = Cache(10)
    assert small.get((None, STABLE, False, None, None, None)) is None
    for _ in range(50):
        assert app.get(STABLE).status_int == 200


def test_without_a_cache_the_answers_are_the_same(app: TestApp, stock: Stock, lib: None) -> None:
    bare = make_app(stock.runtime, cache_bytes=0)
    other = TestApp(bare)
    for path in (STABLE, DEV, "/packages.json"):
        first, second = app.get(path), other.get(path)
        assert (first.body, first.headerlist) == (second.body, second.headerlist)
    bare.close()


def test_a_document_is_whole_whoever_writes_beside(app: TestApp, stock: Stock, lib: None) -> None:
    """A row that is changed behind our back is served once the generation has moved."""
    body = gzip.compress(json.dumps({"packages": {"acme/lib": []}}).encode(), mtime=0)
    with stock.runtime.transaction() as services:
        services.session.execute(update(Document).values(body=body, modified=Document.modified + 1))
    assert app.get(STABLE).json == {"packages": {"acme/lib": []}}
