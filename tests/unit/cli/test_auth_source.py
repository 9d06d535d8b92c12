import json
from typing import Any

import pytest


def add(cli: Any, *options: Any, name: Any = "SSO") -> Any:
    settings = ["issuer=https://id.example", "client_id=us", "client_secret=canary"]
    words = [word for setting in settings for word in ("--set", setting)]
    return cli.json("auth-source", "add", name, "--provider", "oidc", *words, *options)


def listed(cli: Any) -> Any:
    return cli.json("auth-source", "list")[0]


def test_a_source_is_added_and_its_callback_told(cli):
    cli.ok("repository", "add", "main", "--path", "team-a")
    rules = ["groups=devs: read+write team-a", "groups=ops: admin", "*: read team-a"]
    options = [word for rule in rules for word in ("--rule", rule)]
    facts = add(cli, "--registration", "--allowed-domain", "@Acme.test", *options)
    assert facts["callback_url"] == "https://packages.test/auths/1/callback"
    assert (facts["registration"], facts["allowed_domains"]) == (True, ["acme.test"])
    assert facts["rules"] == rules
    assert "canary" not in json.dumps(facts)


def test_the_steps_at_the_provider_are_told(cli):
    told = cli.ok(
        "auth-source", "add", "K", "--provider", "keycloak", "--set", "url=https://id.example",
        "--set", "realm=r", "--set", "client_id=us", "--set", "client_secret=canary",
    )  # fmt: skip
    assert "Enter https://packages.test/auths/1/callback under Valid redirect URIs" in told


def test_an_edit_keeps_what_is_not_said(cli):
    add(cli, "--registration", "--allowed-domain", "acme.test", "--rule", "groups=ops: admin")
    cli.ok("auth-source", "edit", "SSO", "--name", "Staff", "--trusted", "--set", "scopes=email")
    facts = listed(cli)
    assert (facts["name"], facts["trusted"], facts["registration"]) == ("Staff", True, True)
    assert facts["config"]["scopes"] == "openid email"
    assert facts["has_secrets"]
    assert (facts["allowed_domains"], facts["rules"]) == (["acme.test"], ["groups=ops: admin"])
    cli.ok("auth-source", "edit", "Staff", "--any-domain", "--no-rules", "--disable")
    facts = listed(cli)
    assert (facts["allowed_domains"], facts["rules"], facts["active"]) == ([], [], False)


def test_the_secret_is_not_sent_to_another_place(cli):
    add(cli)
    error = cli.fails("auth-source", "edit", "SSO", "--set", "issuer=https://evil.example")
    assert "entered again" in error


@pytest.mark.parametrize(
    "rule",
    ["", "devs: read x", "groups=devs", "groups=devs: own x", "groups=devs: read", "*: admin",
     "groups=: read x", "groups=devs: maintain acme/lib in x", "groups=devs: read acme/lib at x"],
)  # fmt: skip
def test_a_rule_that_cannot_be_read_is_explained(cli, rule):
    error = cli.fails(
        "auth-source", "add", "SSO", "--provider", "oidc", "--set", "issuer=https://id.example",
        "--set", "client_id=us", "--set", "client_secret=canary", "--rule", rule,
    )  # fmt: skip
    assert error.startswith("Error: Rules: ")


def test_a_rule_names_a_repository_that_is_there(cli):
    error = cli.fails(
        "auth-source", "add", "SSO", "--provider", "oidc", "--set", "issuer=https://id.example",
        "--set", "client_id=us", "--set", "client_secret=canary", "--rule", "a=b: read gone",
    )  # fmt: skip
    assert "gone" in error


def test_a_source_that_cannot_be_reached_says_so(cli):
    add(cli)
    cli.ok("auth-source", "edit", "SSO", "--set", "issuer=https://127.0.0.1:1/",
           "--set", "client_secret=canary")  # fmt: skip
    assert "not contacted" in cli.fails("auth-source", "check", "SSO")


def test_a_source_is_removed(cli):
    add(cli)
    cli.fails("auth-source", "remove", "SSO", code=2)
    cli.ok("auth-source", "remove", "SSO", "--yes")
    assert cli.json("auth-source", "list") == []


def test_a_name_is_given_once(cli):
    add(cli)
    error = cli.fails(
        "auth-source", "add", "SSO", "--provider", "oidc", "--set", "issuer=https://id.example",
        "--set", "client_id=us", "--set", "client_secret=canary",
    )  # fmt: skip
    assert "already" in error
