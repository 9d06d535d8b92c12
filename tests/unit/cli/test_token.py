from typing import Any

import pytest


@pytest.fixture
def repository(cli):
    cli.ok("repository", "add", "main")


def deploy(cli: Any, *arguments: Any) -> Any:
    return cli.json("token", "add", "ci", "--deploy", *arguments)


def test_a_deploy_token_is_shown_once(cli, repository):
    out = cli.ok("token", "add", "ci", "--deploy", "--repository", "")
    token = out.splitlines()[0]
    assert token.startswith("pkdt-")
    assert token not in cli.ok("token", "list", "--json")


def test_both_commands_for_composer_are_shown(cli, repository):
    out = cli.ok("token", "add", "ci", "--deploy", "--repository", "")
    token = out.splitlines()[0]
    assert f"composer config --global --auth bearer.packages.test {token}" in out
    assert f"composer config --global --auth http-basic.packages.test token {token}" in out


def test_json_gives_the_token(cli, repository):
    assert deploy(cli, "--repository", "")["token"].startswith("pkdt-")


def test_a_users_token_is_personal(cli):
    cli.ok("user", "add", "jo@x.org")
    made = cli.json("token", "add", "mine", "--user", "jo@x.org")
    assert made["token"].startswith("pkpat-")
    assert made["user"] == "jo@x.org"
    assert cli.json("token", "list")[0]["user"] == "jo@x.org"


def test_a_token_writes_only_if_that_is_said(cli, repository):
    assert not deploy(cli, "--repository", "")["can_write"]
    assert deploy(cli, "--repository", "", "--write")["can_write"]


def test_a_token_for_the_api_reads_packages_only_if_that_is_said(cli):
    cli.ok("user", "add", "jo@x.org")
    made = cli.json("token", "add", "bot", "--user", "jo@x.org", "--api")
    assert (made["can_call_api"], made["can_read"], made["can_write"]) == (True, False, False)
    assert cli.json("token", "add", "all", "--user", "jo@x.org", "--api", "--read")["can_read"]
    assert "deploy" in cli.fails("token", "add", "ci", "--deploy", "--api")


def test_a_token_expires(cli, repository):
    assert deploy(cli, "--expires", "90d")["expires_at"]


@pytest.mark.parametrize("when", ["soon", "2020-01-01"])
def test_a_token_does_not_expire_at_nonsense(cli, when):
    assert "Expiry" in cli.fails("token", "add", "ci", "--deploy", "--expires", when, code=2)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--deploy", "--user", "jo@x.org"], ["--user", "jo@x.org", "--repository", ""]],
)
def test_whose_token_it_is_must_be_clear(cli, arguments):
    cli.fails("token", "add", "ci", *arguments, code=2)


def test_a_token_for_a_repository_that_is_not_there_is_not_made(cli):
    cli.fails("token", "add", "ci", "--deploy", "--repository", "nowhere")
    assert cli.json("token", "list") == []


def test_a_revoked_token_leaves_the_list(cli):
    deploy(cli)
    cli.fails("token", "revoke", "ci", code=2)
    cli.ok("token", "revoke", "ci", "--yes")
    assert cli.json("token", "list") == []
    assert cli.json("token", "list", "--all")[0]["state"] == "revoked"


def test_a_token_is_revoked_by_number(cli):
    number = deploy(cli)["id"]
    cli.ok("token", "revoke", str(number), "--yes")
    assert cli.json("token", "list") == []


def test_a_token_that_is_not_there_is_told(cli):
    assert "no token" in cli.fails("token", "revoke", "x", "--yes")


def test_a_rotated_token_has_a_successor_and_goes_on_for_a_while(cli, repository):
    old = deploy(cli, "--repository", "")
    new = cli.json("token", "rotate", "ci", "--keep", "1h")
    assert new["token"] != old["token"]
    listed = {row["name"]: row for row in cli.json("token", "list")}
    assert listed["ci (replaced)"]["id"] == old["id"]
    assert listed["ci (replaced)"]["expires_at"] is not None
    assert listed["ci"]["id"] == new["id"]
    cli.ok("token", "rotate", "ci", "--keep", "0")


def test_a_token_of_who_may_see_nothing_says_how_to_give_more(cli, repository):
    cli.ok("user", "add", "jo@x.org")
    made = cli.ok("token", "add", "laptop", "--user", "jo@x.org")
    assert "packistry grant --user jo@x.org --repository PATH --read" in made
    cli.ok("grant", "--user", "jo@x.org", "--repository", "")
    assert "packistry grant" not in cli.ok("token", "add", "desk", "--user", "jo@x.org")


@pytest.mark.parametrize("keep", ["nonsense", "-1h", "2030-12-31", ""])
def test_a_time_to_keep_that_cannot_be_meant_is_one_sentence_with_an_example(cli, keep):
    said = cli.fails("token", "rotate", "ci", "--keep", keep, code=2)
    assert f"write a time such as 24h, 7d or 2w, or 0 for none at all, not {keep!r}." in said
