"""What is said about a command line that cannot be meant: what is wrong, and what to write."""

import pytest


@pytest.fixture(autouse=True)
def _places(cli):
    cli.ok("repository", "add", "main")
    cli.ok("source", "add", "git", "--provider", "git")
    cli.ok("user", "add", "jo@x.org")


@pytest.mark.parametrize(
    "line",
    ["repository edit /", "source edit git", "user edit jo@x.org", "package edit acme/lib"],
)
def test_an_edit_that_changes_nothing_says_so(cli, line):
    assert "Say what to change: no option is given." in cli.fails(*line.split(), code=2)


def test_which_package_is_meant_is_no_change_of_it(cli):
    said = cli.fails("package", "edit", "acme/lib", "--repository", "", code=2)
    assert "Say what to change" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("source projects git --limit few", "write a number from 1 on, not 'few'"),
        ("source deliveries git --limit 5000", "write a number from 1 to 1000, not '5000'"),
        ("serve --processes 0", "write a number from 1 to 256, not '0'"),
        ("sync show first", "write a number from 1 on, not 'first'"),
        ("sync show 99999999999999999999", "write a number from 1 on"),
    ],
)
def test_a_number_that_cannot_be_is_told_with_those_that_can(cli, line, said):
    assert said in cli.fails(*line.split(), code=2)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("sync show 99", "packistry sync list"),
        ("auth-source check x", "packistry auth-source list"),
    ],
)
def test_what_is_not_there_is_told_with_the_list_of_what_is(cli, line, command):
    assert f"`{command}` shows what there is." in cli.fails(*line.split())


def test_settings_that_a_provider_needs_are_named_as_they_are_typed(cli):
    said = cli.fails("auth-source", "add", "x", "--provider", "oidc", code=2)
    assert "--set client_id=…, --set client_secret=@FILE, --set issuer=…" in said


def test_a_vendor_that_is_not_reserved_cannot_be_released(cli):
    said = cli.fails("repository", "edit", "/", "--release", "acme")
    assert 'does not reserve "acme"' in said


def test_a_package_of_a_number_no_database_counts_to_is_not_there(cli):
    assert "There is no package" in cli.fails("package", "show", "9" * 30)
    assert "There is no token" in cli.fails("token", "revoke", "9" * 30, "--yes")
