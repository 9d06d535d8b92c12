import pytest

from packistry.plugin import Identity, Redirect


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example/authorize?x=1",
        "http://127.0.0.1:4100/auth",
        "http://[::1]:4100/auth",
        "http://localhost/auth",
    ],
)
def test_people_are_sent_to_encrypted_addresses_or_this_machine(url: str) -> None:
    assert Redirect(url=url).memo == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example/",
        "http://127.0.0.1.evil.example/",
        "http://10.0.0.1/",
        "javascript:alert(1)",
        "//login.example",
        "https:///x",
        "https://login.example@evil.example/",
        "",
    ],
)
def test_people_are_sent_nowhere_else(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Redirect(url=url)


@pytest.mark.parametrize(
    ("claims", "claim", "values"),
    [
        ({"groups": ["devs", "ops"]}, "groups", {"devs", "ops"}),
        ({"roles": "devs"}, "roles", {"devs"}),
        ({"scope": "read write"}, "scope", {"read", "write", "read write"}),
        ({"realm_access": {"roles": ["admin"]}}, "realm_access.roles", {"admin"}),
        ({"https://acme.example/roles": ["a"]}, "https://acme.example/roles", {"a"}),
        ({"staff": True, "level": 3}, "staff", {"true"}),
        ({"level": 3}, "level", {"3"}),
        ({"groups": ["devs", 7, None, {"x": 1}, ["y"]]}, "groups", {"devs", "7"}),
        ({"groups": {"devs": True}}, "groups", set()),
        ({"groups": None}, "groups", set()),
        ({"a": "text"}, "a.b", set()),
        ({}, "roles", set()),
    ],
)
def test_a_claim_has_values(claims: dict[str, object], claim: str, values: set[str]) -> None:
    assert Identity(subject="1", claims=claims).values(claim) == values


def test_groups_are_the_claim_of_this_name() -> None:
    assert Identity(subject="1", groups=("devs",)).values("groups") == {"devs"}
    assert Identity(subject="1", groups=("a",), claims={"groups": []}).values("groups") == set()
