from typing import Any

import pytest

from packistry.builtin.source import Git
from packistry.plugin import RateLimited, Unavailable


def add(cli: Any, *settings: Any, name: Any = "git") -> Any:
    options = [word for setting in settings for word in ("--set", setting)]
    return cli.json("source", "add", name, "--provider", "git", *options)


def test_a_source_is_added_with_its_settings(cli):
    facts = add(cli, "username=bot", "password=canary")
    assert facts["config"]["username"] == "bot"
    assert facts["has_secrets"]


def test_no_output_holds_a_secret(cli):
    add(cli, "password=canary")
    for arguments in (["list"], ["list", "--json"], ["check", "git"]):
        assert "canary" not in cli.ok("source", *arguments)


def test_a_setting_is_read_from_a_file(cli, tmp_path):
    (tmp_path / "name").write_text("bot")
    assert add(cli, f"username=@{tmp_path / 'name'}")["config"]["username"] == "bot"


def test_a_setting_is_read_from_stdin(cli):
    cli.ok("source", "add", "x", "--provider", "git", "--set", "username=@-", input="bot")
    assert cli.json("source", "list")[0]["config"]["username"] == "bot"


def test_two_at_signs_mean_one(cli):
    assert add(cli, "username=@@bot")["config"]["username"] == "@bot"


def test_a_value_may_hold_an_equals_sign(cli):
    assert add(cli, "username=a=b")["config"]["username"] == "a=b"


def test_a_file_that_is_missing_is_a_wrong_command_line(cli):
    error = cli.fails(
        "source", "add", "x", "--provider", "git", "--set", "password=@/nowhere", code=2
    )
    assert "/nowhere cannot be read" in error


def test_an_unknown_setting_names_the_known_ones(cli):
    error = cli.fails("source", "add", "x", "--provider", "git", "--set", "colour=red", code=2)
    assert "username" in error
    assert "red" not in error


def test_a_setting_without_a_value_needs_somebody_to_ask(cli):
    error = cli.fails("source", "add", "x", "--provider", "git", "--set", "password", code=2)
    assert "nobody to ask" in error


@pytest.mark.parametrize("kind", [RateLimited, Unavailable])
def test_a_source_is_kept_whose_host_does_not_answer_now(cli, monkeypatch, kind):
    def check(_self: Git) -> tuple[str, ...]:
        raise kind("Nobody answers there.")

    monkeypatch.setattr(Git, "check", check)
    assert add(cli, "username=bot")["config"]["username"] == "bot"


def test_an_unknown_provider_is_one_sentence(cli):
    assert cli.fails("source", "add", "x", "--provider", "nonsense").count("\n") == 1


@pytest.mark.parametrize("url", ["ext::sh", "file:///etc", "git://x.org/a", "/etc"])
def test_an_address_that_git_must_not_be_given_is_refused(cli, url):
    cli.fails("source", "add", "x", "--provider", "git", "--set", f"url={url}")
    assert cli.json("source", "list") == []


def test_an_edit_keeps_a_secret_that_is_not_said(cli):
    add(cli, "username=bot", "password=canary")
    cli.ok("source", "edit", "git", "--set", "username=other", "--dists", "lazy")
    (facts,) = cli.json("source", "list")
    assert (facts["config"]["username"], facts["has_secrets"], facts["dists"]) == (
        "other",
        True,
        "lazy",
    )


def test_a_secret_is_cleared(cli):
    add(cli, "password=canary")
    cli.ok("source", "edit", "git", "--clear", "password")
    assert not cli.json("source", "list")[0]["has_secrets"]


def test_only_a_secret_can_be_cleared(cli):
    add(cli)
    cli.fails("source", "edit", "git", "--clear", "username", code=2)


def test_a_source_is_renamed(cli):
    add(cli)
    cli.ok("source", "edit", "git", "--name", "forge")
    assert cli.json("source", "list")[0]["name"] == "forge"


def test_a_number_that_is_none_is_told_in_plain_words(cli):
    told = cli.fails("source", "add", "x", "--provider", "git", "--keep-dists", "many")
    assert "Keep dists: must be a whole number." in told


def test_a_place_that_cannot_list_says_so(cli):
    add(cli)
    result = cli("source", "projects", "git")
    assert "name each of them, or give its address" in result.stderr


def test_a_source_in_use_is_not_removed(cli, upstream):
    add(cli)
    cli.ok("repository", "add", "main")
    cli.ok("package", "add", "--repository", "", "--source", "git", str(upstream.path))
    assert "Remove what is made from it first" in cli.fails("source", "remove", "git", "--yes")


def test_a_source_is_removed(cli):
    add(cli)
    cli.fails("source", "remove", "git", code=2)
    cli.ok("source", "remove", "git", "--yes")
    assert cli.json("source", "list") == []
