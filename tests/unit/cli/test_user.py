import pytest

PASSWORD = "seven red umbrellas\n"


def test_a_user_is_added_with_a_password_from_stdin(cli):
    cli.ok("user", "add", "jo@x.org", "--name", "Jo", "--password-stdin", input=PASSWORD)
    (facts,) = cli.json("user", "list")
    assert (facts["email"], facts["name"], facts["role"]) == ("jo@x.org", "Jo", "user")
    assert facts["has_password"]


def test_a_script_adds_a_user_without_a_password(cli):
    out = cli.ok("user", "add", "jo@x.org", "--name", "Jo", "--role", "admin")
    assert "packistry user link jo@x.org" in out
    assert "/login/link/" in cli.ok("user", "link", "jo@x.org")
    assert "PACKISTRY_SMTP_URL" in cli.fails("user", "link", "jo@x.org", "--mail")


def test_a_common_password_adds_nobody(cli):
    error = cli.fails("user", "add", "jo@x.org", "--password-stdin", input="password1234\n")
    assert "tried first" in error
    assert "password1234" not in error
    assert cli.json("user", "list") == []


def test_a_faulty_address_is_told(cli):
    assert "not an e-mail address" in cli.fails("user", "add", "jo", "--password-stdin")


def test_a_user_is_changed(cli):
    cli.ok("user", "add", "jo@x.org")
    cli.ok("user", "edit", "jo@x.org", "--email", "j@x.org", "--role", "admin")
    (facts,) = cli.json("user", "list")
    assert (facts["email"], facts["role"], facts["name"]) == ("j@x.org", "admin", "jo")


def test_a_user_is_disabled_and_enabled(cli):
    cli.ok("user", "add", "jo@x.org")
    cli.ok("user", "edit", "jo@x.org", "--disable")
    assert not cli.json("user", "list")[0]["active"]
    cli.ok("user", "edit", "jo@x.org", "--enable")
    assert cli.json("user", "list")[0]["active"]


def test_a_password_is_reset_from_stdin(cli):
    cli.ok("user", "add", "jo@x.org")
    cli.ok("user", "reset-password", "jo@x.org", "--password-stdin", input=PASSWORD)
    assert cli.json("user", "list")[0]["has_password"]


def test_a_password_is_not_reset_when_nobody_says_it(cli):
    cli.ok("user", "add", "jo@x.org")
    assert "--password-stdin" in cli.fails("user", "reset-password", "jo@x.org")


@pytest.mark.parametrize("command", ["edit", "reset-password", "remove"])
def test_a_user_who_is_not_there_is_told(cli, command):
    more = {"remove": ["--yes"], "edit": ["--name", "Jo"]}
    assert "no user" in cli.fails("user", command, "no@x.org", *more.get(command, []))


def test_a_user_is_removed(cli):
    cli.ok("user", "add", "jo@x.org")
    cli.fails("user", "remove", "jo@x.org", code=2)
    cli.ok("user", "remove", "jo@x.org", "--yes")
    assert cli.json("user", "list") == []


def test_the_only_administrator_stays(cli):
    cli.ok("user", "add", "jo@x.org", "--role", "admin")
    assert "only administrator" in cli.fails("user", "remove", "jo@x.org", "--yes")


@pytest.mark.parametrize(
    ("password", "roles", "standing"),
    [(PASSWORD, "", "off"), (PASSWORD, "user", "missing"), ("", "user", "none")],
)
def test_the_list_says_how_a_user_stands_to_a_second_factor(cli, password, roles, standing):
    given = ("--password-stdin",) if password else ()
    cli.ok("user", "add", "jo@x.org", *given, input=password)
    cli.environment["PACKISTRY_SECOND_FACTOR_ROLES"] = roles
    assert cli.json("user", "list")[0]["second_factor"] == standing


def test_a_lost_second_factor_is_taken_away(cli):
    cli.ok("user", "add", "jo@x.org")
    assert "password alone" in cli.ok("user", "reset-second-factor", "jo@x.org")
