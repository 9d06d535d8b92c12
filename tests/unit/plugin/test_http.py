import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from packistry.plugin import (
    CredentialsError,
    HttpClient,
    HttpLimits,
    NotFound,
    PluginError,
    RateLimited,
    Rejected,
    Unavailable,
)
from packistry.testing import FakeHost

API = "https://forge.example/sub/api/v1"
TOKEN = "canary-7f3a9c-token"


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def http(host: FakeHost) -> HttpClient:
    return host.client(API, {"Private-Token": TOKEN})


def test_a_path_is_below_the_base_url(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/user", json={"id": 1})
    assert http.get("/user").json() == http.get("user").json() == {"id": 1}


def test_our_headers_go_along(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/user", json={})
    http.get("user", headers={"Accept": "text/plain"})
    sent = host.requests[0].headers
    assert sent["private-token"] == TOKEN
    assert sent["accept"] == "text/plain"
    assert sent["user-agent"] == "Packistry"


def test_parameters_become_the_query(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/repos?q=a+b&page=1", json=[])
    assert http.get("repos", params={"page": "1", "q": "a b"}).json() == []


def test_a_query_may_hold_a_url(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/find?of=http://x.example/", json=[])
    assert http.get("find?of=http://x.example/").json() == []


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_a_body_is_sent_as_json(host: FakeHost, http: HttpClient, method: str) -> None:
    host.on(method, f"{API}/hooks", status=201, json={"id": 7})
    answer = getattr(http, method)("hooks", json={"active": True})
    assert (answer.status, answer.json()) == (201, {"id": 7})
    assert host.requests[0].json() == {"active": True}
    assert host.requests[0].headers["content-type"] == "application/json"


def test_a_form_is_sent_as_a_browser_does(host: FakeHost, http: HttpClient) -> None:
    host.on("POST", f"{API}/token", json={})
    http.post_form("token", {"code": "a b"})
    assert host.requests[0].body == b"code=a+b"


def test_an_empty_answer_is_fine(host: FakeHost, http: HttpClient) -> None:
    host.on("DELETE", f"{API}/hooks/7", status=204)
    assert http.delete("hooks/7").body == b""


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, CredentialsError),
        (403, CredentialsError),
        (404, NotFound),
        (408, Unavailable),
        (409, Rejected),
        (410, NotFound),
        (422, Rejected),
        (423, Unavailable),
        (429, RateLimited),
        (451, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
    ],
)
def test_a_status_is_an_error(
    host: FakeHost, http: HttpClient, status: int, error: type[PluginError]
) -> None:
    host.on("GET", f"{API}/user", status=status, json={"message": "The host's words"})
    with pytest.raises(PluginError, match="The host's words") as caught:
        http.get("user")
    assert type(caught.value) is error
    assert caught.value.response is not None
    assert caught.value.response.status == status


@pytest.mark.parametrize(
    "said",
    [
        {"message": "no such hook"},
        {"error": "no such hook"},
        {"error": {"message": "no such hook"}},
        {"error_description": "no such hook"},
        {"errors": [{"message": "no such hook"}]},
        {"errors": ["no such hook"]},
        {"message": {"base": ["no such hook"]}},
        {"errors": [{"resource": "Hook", "code": "no such hook"}]},
        "no such hook",
    ],
)
def test_the_hosts_words_are_found_where_hosts_put_them(
    host: FakeHost, http: HttpClient, said: object
) -> None:
    host.on("GET", f"{API}/user", status=422, json=said)
    with pytest.raises(Rejected, match="no such hook"):
        http.get("user")


@pytest.mark.parametrize(
    "said",
    [
        {"message": {"url": ["is blocked"], "name": []}},
        {"type": "error", "error": {"message": "Bad request", "fields": {"url": ["is blocked"]}}},
    ],
)
def test_the_hosts_words_about_a_field_name_it(
    host: FakeHost, http: HttpClient, said: object
) -> None:
    host.on("POST", f"{API}/hooks", status=422, json=said)
    with pytest.raises(Rejected, match=r"(: |; )url: is blocked$"):
        http.post("hooks", json={})


def test_an_answer_without_words_is_not_quoted(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/user", status=422, json={"timestamp": "now", "path": "/user"})
    with pytest.raises(Rejected, match=r"answered 422\.$"):
        http.get("user")


def test_the_hosts_words_are_plain_text_without_our_token(host: FakeHost, http: HttpClient) -> None:
    words = f"\x1b[2J bad token {TOKEN}\n\u202eevil" + "x" * 5000
    host.on("GET", f"{API}/user", status=401, json={"message": words})
    with pytest.raises(CredentialsError) as caught:
        http.get("user")
    text = str(caught.value)
    assert TOKEN not in text
    assert text.isprintable()
    assert len(text) < 500


def test_an_error_page_that_is_no_json_is_not_quoted(host: FakeHost, http: HttpClient) -> None:
    page = {"Content-Type": "text/html"}
    host.on("GET", f"{API}/user", status=502, body=b"<h1>Oh</h1>", headers=page)
    with pytest.raises(
        Unavailable, match=r"answered 502\. The host, or a proxy before it, is out of"
    ):
        http.get("user")


@pytest.mark.parametrize("body", [b"<html>", b"[" * 200_000, b"\xff"])
def test_what_is_no_json_is_unavailable(host: FakeHost, http: HttpClient, body: bytes) -> None:
    host.on("GET", f"{API}/user", body=body)
    with pytest.raises(Unavailable, match="JSON"):
        http.get("user").json()


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "17"}, 17),
        (403, {"Retry-After": "17"}, 17),
        (503, {"Retry-After": "17"}, 17),
        (429, {}, 60),
        (429, {"Retry-After": "soon"}, 60),
        (429, {"Retry-After": "0"}, 1),
        (429, {"Retry-After": "99999999"}, 86400),
        (403, {"X-RateLimit-Remaining": "0"}, 60),
        (429, {"RateLimit-Reset": "30"}, 30),
    ],
)
def test_a_rate_limit_says_when_to_come_back(
    host: FakeHost, http: HttpClient, status: int, headers: dict[str, str], seconds: float
) -> None:
    host.on("GET", f"{API}/user", status=status, headers=headers)
    with pytest.raises(
        RateLimited, match=rf"\d\. Too much was .*: wait {seconds} seconds"
    ) as caught:
        http.get("user")
    assert caught.value.retry_after == seconds


def test_a_rate_limit_may_name_the_moment(host: FakeHost, http: HttpClient) -> None:
    later = datetime.now(UTC) + timedelta(minutes=10)
    host.on(
        "GET",
        f"{API}/a",
        status=403,
        headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(later.timestamp()))},
    )
    host.on("GET", f"{API}/b", status=429, headers={"Retry-After": format_datetime(later, True)})
    for path in "ab":
        with pytest.raises(RateLimited) as caught:
            http.get(path)
        assert 590 < caught.value.retry_after <= 601


@pytest.mark.parametrize(
    "words",
    [
        "You have exceeded a secondary rate limit.",
        "You have triggered an abuse detection mechanism. Please wait a few minutes.",
    ],
)
def test_a_limit_told_only_in_words_is_one(host: FakeHost, http: HttpClient, words: str) -> None:
    host.on("GET", f"{API}/user", status=403, json={"message": words})
    with pytest.raises(RateLimited):
        http.get("user")


def test_a_redirect_is_not_followed(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/old", status=301, headers={"Location": f"{API}/new?secret=1"})
    with pytest.raises(Unavailable, match=f"redirects to {API}/new;") as caught:
        http.get("old")
    assert caught.value.response is not None
    assert caught.value.response.status == 301
    assert len(host.requests) == 1


@pytest.mark.parametrize("location", [f"{API}/new", "new", "/sub/api/v1/new"])
def test_a_redirect_on_this_origin_is_followed_when_asked_for(
    host: FakeHost, http: HttpClient, location: str
) -> None:
    host.on("GET", f"{API}/old", status=301, headers={"Location": location})
    host.on("GET", f"{API}/new", json={"id": 1})
    assert http.get("old", follow=True).json() == {"id": 1}


@pytest.mark.parametrize(
    "location",
    [
        "https://forge.example:8443/new",
        "http://forge.example/new",
        "https://evil.example/new",
        "//evil.example/new",
        "https://forge.example@evil.example/",
        "file:///etc/passwd",
        "https://[::1",
    ],
)
def test_a_redirect_elsewhere_sees_no_token(
    host: FakeHost, http: HttpClient, location: str
) -> None:
    host.on("GET", f"{API}/old", status=302, headers={"Location": location})
    with pytest.raises(Unavailable):
        http.get("old", follow=True)
    assert [request.url for request in host.requests] == [f"{API}/old"]


def test_redirects_in_circles_end(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/old", status=302, headers={"Location": f"{API}/old"})
    with pytest.raises(Unavailable, match="circles"):
        http.get("old", follow=True)
    with pytest.raises(Unavailable, match="circles"), http.download("old", follow=True):
        pass


def test_all_pages_are_read_lazily(host: FakeHost, http: HttpClient) -> None:
    following = {"Link": f'<{API}/repos?page=2>; rel="next", <{API}/repos?page=9>; rel="last"'}
    host.on("GET", f"{API}/repos?per_page=2", json=[1, 2], headers=following)
    host.on("GET", f"{API}/repos?page=2", json=[3])
    pages = http.pages("repos", params={"per_page": "2"})
    assert next(pages).json() == [1, 2]
    assert len(host.requests) == 1
    assert [page.json() for page in pages] == [[3]]


def test_the_next_page_may_be_named_in_the_body(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/a", json={"values": [1], "next": f"{API}/b"})
    host.on("GET", f"{API}/b", json={"values": [2]})
    pages = http.pages("a", next_page=lambda page: page.json().get("next"))
    assert [page.json()["values"] for page in pages] == [[1], [2]]


def test_a_next_link_to_another_origin_stops_the_listing(host: FakeHost, http: HttpClient) -> None:
    following = {"Link": '<https://evil.example/repos?page=2>; rel="next"'}
    host.on("GET", f"{API}/repos", json=[1], headers=following)
    pages = http.pages("repos")
    assert next(pages).json() == [1]
    with pytest.raises(Unavailable, match=r"evil\.example"):
        next(pages)
    assert len(host.requests) == 1


def test_pages_that_never_end_are_cut_off(host: FakeHost) -> None:
    http = host.client(API, limits=HttpLimits(max_pages=3))
    for page in range(5):
        following = {"Link": f'<{API}/repos?page={page + 1}>; rel="next"'}
        host.on("GET", f"{API}/repos?page={page}", json=[page], headers=following)
    with pytest.raises(Unavailable, match="end"):
        list(http.pages("repos?page=0"))
    assert len(host.requests) == 3


def test_a_page_that_follows_itself_is_noticed(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/repos", json=[], headers={"Link": f'<{API}/repos>; rel="next"'})
    with pytest.raises(Unavailable):
        list(http.pages("repos"))
    assert len(host.requests) == 1


@pytest.mark.parametrize(
    "path", ["repos/../admin", "repos/%2e%2E/admin", "..", "a/./b", "repos/..\\x"]
)
def test_a_path_that_climbs_is_never_sent(host: FakeHost, http: HttpClient, path: str) -> None:
    with pytest.raises(NotFound):
        http.get(path)
    assert host.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/user",
        "http://forge.example/user",
        "https://user@forge.example/",
        "ftp://forge.example/",
        "https://forge.example:99999/",
    ],
)
def test_a_full_url_elsewhere_is_never_sent(host: FakeHost, http: HttpClient, url: str) -> None:
    with pytest.raises(Unavailable):
        http.get(url)
    assert host.requests == []


def test_an_answer_that_is_too_large_stops_at_the_limit(host: FakeHost) -> None:
    http = host.client(API, limits=HttpLimits(max_bytes=1000))
    host.on("GET", f"{API}/a", body=b"x" * 1000)
    host.on("GET", f"{API}/b", body=b"x" * 1001)
    assert len(http.get("a").body) == 1000
    with pytest.raises(Unavailable, match="more than 1000 bytes"):
        http.get("b")


def test_a_redirect_that_is_too_large_stops_at_the_limit(host: FakeHost) -> None:
    http = host.client(API, limits=HttpLimits(max_bytes=1000))
    moved = {"Location": f"{API}/b"}
    host.on("GET", f"{API}/a", status=302, body=b"x" * 1001, headers=moved)
    with pytest.raises(Unavailable, match="more than 1000 bytes"):
        http.get("a", follow=True)


def test_a_packed_answer_is_unpacked_and_counted_as_produced(host: FakeHost) -> None:
    http = host.client(API, limits=HttpLimits(max_bytes=1_000_000))
    packed = {"Content-Encoding": "gzip"}
    host.on("GET", f"{API}/a", body=gzip.compress(b'{"id":1}'), headers=packed)
    host.on("GET", f"{API}/bomb", body=gzip.compress(bytes(50_000_000)), headers=packed)
    assert http.get("a").json() == {"id": 1}
    with pytest.raises(Unavailable, match="more than 1000000 bytes"):
        http.get("bomb")


def test_an_answer_that_cannot_be_unpacked_is_unavailable(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/a", body=b"no gzip", headers={"Content-Encoding": "gzip"})
    with pytest.raises(Unavailable):
        http.get("a")


def test_a_download_is_a_file_one_can_seek_in(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/zip", body=b"0123456789")
    with http.download("zip") as stream:
        stream.seek(4)
        assert stream.read(2) == b"45"


def test_a_download_has_a_limit_of_its_own(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/zip", body=b"0123456789")
    with pytest.raises(Unavailable, match="more than 9 bytes"), http.download("zip", max_bytes=9):
        pass


def test_a_download_that_is_missing_is_not_found(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/zip", status=404)
    with pytest.raises(NotFound), http.download("zip"):
        pass


def test_a_download_may_move_to_another_host_without_our_headers(
    host: FakeHost, http: HttpClient
) -> None:
    host.on("GET", f"{API}/zip", status=302, headers={"Location": "https://store.example/1"})
    host.on("GET", "https://store.example/1", status=302, headers={"Location": f"{API}/back"})
    host.on("GET", f"{API}/back", body=b"PK")
    with http.download("zip", follow=True, headers={"X-Extra": "1"}) as stream:
        assert stream.read() == b"PK"
    assert ["Private-Token" in request.headers for request in host.requests] == [True, False, False]
    assert ["X-Extra" in request.headers for request in host.requests] == [True, False, False]


def test_a_download_never_moves_to_an_unencrypted_address(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/zip", status=302, headers={"Location": "http://store.example/1"})
    with pytest.raises(Unavailable, match="unencrypted"), http.download("zip", follow=True):
        pass


def test_cookies_are_forgotten(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/user", json={}, headers={"Set-Cookie": "a=b; Path=/"})
    http.get("user")
    http.get("user")
    assert "Cookie" not in host.requests[1].headers


def test_no_repr_shows_a_header(http: HttpClient) -> None:
    assert TOKEN not in repr(http)
    assert API in repr(http)


@pytest.mark.parametrize("value", ["two\nlines", "nul\0", "ünïcödé", "esc\x1b"])
def test_a_credential_that_cannot_be_a_header_is_refused_without_repeating_it(
    host: FakeHost, http: HttpClient, value: str
) -> None:
    with pytest.raises(CredentialsError) as caught:
        host.client(API, {"Authorization": value})
    assert value not in str(caught.value)
    with pytest.raises(CredentialsError):
        http.get("user", headers={"Authorization": value})


def test_a_client_for_another_place_shares_no_header(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", "https://login.example/user", json={})
    http.at("https://login.example", {"Authorization": "Bearer x"}).get("user")
    assert "Private-Token" not in host.requests[0].headers
    assert host.requests[0].headers["Authorization"] == "Bearer x"


def test_an_answer_that_trickles_in_has_a_deadline(host: FakeHost) -> None:
    class Slow(FakeHost):
        def answer(self, request: object) -> tuple[int, dict[str, str], bytes]:
            time.sleep(0.05)
            return 200, {}, b"x" * 200_000

    http = Slow().client(API, limits=HttpLimits(total=0.01))
    with pytest.raises(Unavailable, match="too slowly"):
        http.get("user")


def test_a_client_needs_something_that_checks_addresses() -> None:
    with pytest.raises(TypeError, match="guard"):
        HttpClient(base_url=API)


def test_an_answer_is_json_of_any_kind(host: FakeHost, http: HttpClient) -> None:
    host.on("GET", f"{API}/list", body=json.dumps([1, None]).encode())
    assert http.get("list").json() == [1, None]
