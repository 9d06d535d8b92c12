from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _somebody(cli):
    cli.ok("repository", "add", "main")
    cli.ok("repository", "add", "team", "--path", "team", "--public")
    cli.ok("user", "add", "jo@x.org")
    cli.ok("token", "add", "ci", "--deploy")


def grants(cli: Any) -> Any:
    return cli.json("user", "list")[0]["grants"]


def test_without_a_right_it_is_reading(cli):
    out = cli.ok("grant", "--user", "jo@x.org", "--repository", "")
    assert out == 'jo@x.org may read the repository "main".\n'


def test_both_rights_are_given_at_once(cli):
    out = cli.ok("grant", "--user", "jo@x.org", "--repository", "team", "--read", "--write")
    assert out == 'jo@x.org may read and write to the repository "team".\n'


def test_a_deploy_token_is_granted_by_name(cli):
    cli.ok("grant", "--token", "ci", "--repository", "", "--write")
    assert cli.json("token", "list")[0]["can_write"]


def test_a_grant_is_revoked(cli):
    cli.ok("grant", "--user", "jo@x.org", "--repository", "", "--read")
    assert grants(cli) == 1
    cli.ok("revoke", "--user", "jo@x.org", "--repository", "")
    assert grants(cli) == 0


def test_revoking_one_right_keeps_the_other(cli):
    cli.ok("grant", "--user", "jo@x.org", "--repository", "", "--read", "--write")
    cli.ok("revoke", "--user", "jo@x.org", "--repository", "", "--write")
    assert grants(cli) == 1


def test_revoking_on_a_public_repository_says_that_all_may_read(cli):
    cli.ok("grant", "--user", "jo@x.org", "--repository", "team", "--read")
    assert "it is public" in cli.ok("revoke", "--user", "jo@x.org", "--repository", "team")


def test_what_was_not_granted_cannot_be_revoked(cli):
    assert "no right" in cli.fails("revoke", "--user", "jo@x.org", "--repository", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--repository", ""],
        ["--user", "jo@x.org"],
        ["--user", "jo@x.org", "--token", "ci", "--repository", ""],
        ["--user", "jo@x.org", "--repository", "", "--package", "a/b"],
        ["--user", "jo@x.org", "--repository", "", "--in", ""],
    ],
)
@pytest.mark.parametrize("command", ["grant", "revoke"])
def test_whom_and_what_must_be_clear(cli, command, arguments):
    cli.fails(command, *arguments, code=2)


def test_a_package_nobody_added_is_told(cli):
    error = cli.fails("grant", "--user", "jo@x.org", "--package", "acme/lib", "--in", "")
    assert 'no package acme/lib in the repository "main"' in error
