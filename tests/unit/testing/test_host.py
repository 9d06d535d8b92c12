import json
from pathlib import Path

import pytest

from packistry.plugin import CredentialsError
from packistry.testing import FakeHost, UnexpectedRequest

URL = "https://forge.example/api"


def test_the_host_answers_what_was_recorded() -> None:
    host = FakeHost().on("GET", f"{URL}/user?b=2&a=1", json={"id": 1}, headers={"X-Total": "1"})
    answer = host.client(URL).get("user?a=1&b=2")
    assert (answer.json(), answer.header("x-total")) == ({"id": 1}, "1")


@pytest.mark.parametrize(
    ("method", "path"), [("get", "other"), ("post", "user"), ("get", "user?page=2")]
)
def test_the_host_refuses_everything_else(method: str, path: str) -> None:
    host = FakeHost().on("GET", f"{URL}/user", json={})
    with pytest.raises(UnexpectedRequest, match=method.upper()):
        getattr(host.client(URL), method)(path)


def test_answers_are_given_in_turn_and_the_last_one_again() -> None:
    host = FakeHost().on("GET", f"{URL}/user", status=401).on("GET", f"{URL}/user", json=1)
    http = host.client(URL)
    with pytest.raises(CredentialsError):
        http.get("user")
    assert http.get("user").json() == http.get("user").json() == 1


def test_what_was_sent_can_be_looked_at() -> None:
    host = FakeHost().on("POST", f"{URL}/hooks", status=201)
    host.client(URL, {"Authorization": "Bearer t"}).post("hooks", json={"a": 1})
    (sent,) = host.requests
    assert (sent.method, sent.url, sent.json()) == ("POST", f"{URL}/hooks", {"a": 1})
    assert sent.headers["authorization"] == "Bearer t"


def test_answers_come_from_a_file_too(tmp_path: Path) -> None:
    recordings = [
        {"url": f"{URL}/user", "json": {"id": 1}},
        {"method": "DELETE", "url": f"{URL}/hooks/1", "status": 204},
        {"url": f"{URL}/text", "body": "hello"},
    ]
    (tmp_path / "recordings.json").write_text(json.dumps(recordings))
    http = FakeHost().load(tmp_path / "recordings.json").client(URL)
    assert http.get("user").json() == {"id": 1}
    assert http.delete("hooks/1").status == 204
    assert http.get("text").body == b"hello"
