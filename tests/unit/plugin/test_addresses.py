"""The address of a host: what can be one, and what shows that something else is there."""

import pytest

from packistry.plugin import (
    ConfigError,
    NotFound,
    Unavailable,
    address_parts,
    redirected_to,
    wrong_address,
)
from packistry.testing import FakeHost

URL = "https://git.example"


def ask(host: FakeHost, missing: str = "", remedy: str = "") -> None:
    with wrong_address(missing, remedy):
        host.client().at(URL).get("api/user").json()


def refused(host: FakeHost, missing: str = "", remedy: str = "") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        ask(host, missing, remedy)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404}, "answered 404"),
        ({"status": 302, "headers": {"Location": f"{URL}/login"}}, f"redirects to {URL}/login"),
        ({"body": b"<html>Welcome"}, "JSON"),
    ],
    ids=["missing", "redirect", "page"],
)
def test_what_answers_as_something_else_is_a_fault_of_the_address(answer, words):
    host = FakeHost()
    host.on("GET", f"{URL}/api/user", **answer)
    error = refused(host)
    assert words in error.fields["url"]
    assert error.response is not None


def test_a_404_is_told_in_the_plugins_words_and_the_remedy_follows():
    host = FakeHost()
    host.on("GET", f"{URL}/api/user", status=404)
    error = refused(host, "There is no Forge there.", "Check the address.")
    assert error.fields == {"url": "There is no Forge there. Check the address."}


def test_a_page_keeps_its_own_words_before_the_remedy():
    host = FakeHost()
    host.on("GET", f"{URL}/api/user", body=b"<html>Welcome")
    said = str(refused(host, "There is no Forge there.", "Check the address."))
    assert "no Forge" not in said
    assert said.endswith("Check the address.")


def test_a_host_that_is_out_of_order_is_no_fault_of_the_address():
    host = FakeHost()
    host.on("GET", f"{URL}/api/user", status=502)
    with pytest.raises(Unavailable):
        ask(host)


def test_what_no_answer_caused_stays_what_it_is():
    with pytest.raises(NotFound), wrong_address():
        raise NotFound("Nobody asked.")


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://jo:secret@other.example/x?token=y", "https://other.example"),
        ("/users/sign_in", "/users/sign_in"),
        ("", "another address"),
        ("https://[", "another address"),
    ],
)
def test_a_redirect_is_told_without_what_may_be_secret(location, told):
    host = FakeHost()
    host.on("GET", f"{URL}/api/user", status=302, headers={"Location": location})
    answer = refused(host).response
    assert answer is not None
    assert redirected_to(answer) == told


def test_an_address_of_a_host_has_its_parts():
    assert address_parts("https://git.example:8443/a", example=URL).port == 8443


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://[", f"such as {URL}"),
        ("https://git.example:port", f"such as {URL}"),
        ("git.example", "start with https://"),
        ("ssh://git@git.example", "start with https://"),
        ("https:///path", "name of a host"),
        ("https://jo@git.example", "without a user name"),
        ("https://git.example/?a=b", "without a user name and without ?"),
        ("https://git.example/#a", "without ? or #"),
    ],
)
def test_what_is_no_address_of_a_host_is_told_what_to_be(text, words):
    with pytest.raises(ValueError) as caught:
        address_parts(text, example=URL)
    assert words in str(caught.value)
