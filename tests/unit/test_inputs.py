from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.errors import Invalid
from packistry.inputs import (
    NewPackage,
    NewPassword,
    NewRepository,
    NewSource,
    NewToken,
    NewUser,
    RepositoryChange,
    read,
)
from packistry.inputs.times import duration, expiry
from packistry.models import Dists, Role, TagPolicy

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("path", ["", "team", "team-a", "a.b", "a_b", "0", "a" * 100])
def test_a_path_of_words_is_accepted(path):
    assert read(NewRepository, name="x", path=path).path == path


@pytest.mark.parametrize(
    "path", ["Team", "a/b", "-a", "a-", "a--b", "..", ".", "a b", "é", "a\n", "a\x00", "a" * 101]
)
def test_a_path_that_no_url_should_hold_is_refused(path):
    with pytest.raises(Invalid, match="Path: a path is words"):
        read(NewRepository, name="x", path=path)


def test_a_fault_names_its_field():
    with pytest.raises(Invalid) as caught:
        read(NewRepository, name="x", path="A")
    assert caught.value.field == "path"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[2J", "\u202eabc", "a" * 256])
def test_a_name_is_one_visible_line(name):
    with pytest.raises(Invalid):
        read(NewRepository, name=name)


def test_vendors_are_accepted_with_and_without_a_star():
    made = read(NewRepository, name="x", reserved_vendors=("acme", "beta/*"))
    assert made.reserved_vendors == ("acme", "beta")


@pytest.mark.parametrize("vendor", ["Acme", "acme/lib", "api", "p2", "*", ""])
def test_a_vendor_that_no_package_could_have_is_refused(vendor):
    with pytest.raises(Invalid, match="Reserved vendors"):
        read(NewRepository, name="x", reserved_vendors=(vendor,))


def test_an_unknown_field_is_refused():
    with pytest.raises(Invalid):
        read(NewRepository, name="x", colour="red")


def test_a_change_keeps_what_is_not_said():
    change = read(RepositoryChange, tag_policy="follow")
    assert change.tag_policy is TagPolicy.FOLLOW
    assert (change.name, change.path, change.public) == (None, None, None)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("", ""), ("packages/log", "packages/log"), ("a/", "a"), ("a//b", "a/b"), (" a ", "a")],
)
def test_a_folder_of_the_project_is_written_plainly(typed, kept):
    assert read(NewPackage, subdirectory=typed).subdirectory == kept


@pytest.mark.parametrize("typed", ["../x", "a/../b", "/etc", "a\\b", "a\nb", ".git", "./a"])
def test_a_folder_outside_of_the_project_is_refused(typed):
    with pytest.raises(Invalid):
        read(NewPackage, subdirectory=typed)


@given(st.text(max_size=40))
def test_no_accepted_folder_leaves_the_project(typed):
    try:
        folder = read(NewPackage, subdirectory=typed).subdirectory
    except Invalid:
        return
    assert not folder.startswith("/")
    assert ".." not in folder.split("/")


def test_a_package_follows_its_source_unless_it_is_said():
    assert read(NewPackage).dists is None
    assert read(NewPackage, dists="lazy").dists is Dists.LAZY


def test_an_address_is_kept_in_lower_case():
    assert read(NewUser, email=" Jo@Example.ORG", name="Jo").email == "jo@example.org"


@pytest.mark.parametrize("email", ["", "jo", "jo@", "@x.org", "a b@x.org", "a@x.org\n.evil"])
def test_what_is_no_address_is_refused(email):
    with pytest.raises(Invalid, match="Email"):
        read(NewUser, email=email, name="Jo")


def test_a_user_is_no_administrator_unless_it_is_said():
    assert read(NewUser, email="a@b.org", name="x").role is Role.USER


@pytest.mark.parametrize("password", ["correct staple battery", "ksd8f7sdf76s", "ünïcödé wörter"])
def test_a_long_password_is_accepted(password):
    assert read(NewPassword, password=password).password.get_secret_value() == password


@pytest.mark.parametrize("password", ["", "short", "elevenchars"])
def test_a_short_password_is_refused(password):
    with pytest.raises(Invalid, match="at least 12 characters"):
        read(NewPassword, password=password)


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password123!",
        "P4ssw0rd2024",
        "123456789012",
        "qwertyuiopas",
        "aaaaaaaaaaaa",
        "abababababab",
        "passwordpassword",
        "packistry2026",
        "abcdefghijklm",
        "CorrectHorseBatteryStaple",
        "administrator",
    ],
)
def test_a_password_that_is_tried_first_is_refused(password):
    with pytest.raises(Invalid, match="tried first"):
        read(NewPassword, password=password)


def test_a_password_of_a_megabyte_is_refused():
    with pytest.raises(Invalid, match="at most 1024"):
        read(NewPassword, password="x1" * 600_000)


@pytest.mark.parametrize("fields", [{"password": "canary"}, {"password": "canary", "email": "x"}])
def test_a_fault_never_repeats_a_password(fields):
    with pytest.raises(Invalid) as caught:
        read(NewUser, **{"email": "a@b.org", "name": "x", **fields})
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(caught.value.__cause__)


def test_the_configuration_of_a_source_is_not_in_its_text():
    assert "canary" not in repr(read(NewSource, name="x", provider="git", config={"t": "canary"}))


@pytest.mark.parametrize(
    ("typed", "end"),
    [
        ("12h", NOW + timedelta(hours=12)),
        ("90d", NOW + timedelta(days=90)),
        ("6w", NOW + timedelta(weeks=6)),
        ("2026-05-01", datetime(2026, 5, 1, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2026-05-02T10:00", datetime(2026, 5, 2, 10, tzinfo=UTC)),
        ("2026-05-02T10:00+02:00", datetime(2026, 5, 2, 8, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_duration_or_a_date(typed, end):
    assert expiry(typed, NOW) == end


@pytest.mark.parametrize(
    "typed",
    ["", "soon", "0d", "-1d", "90", "d", "1y", "2026-13-01", "9" * 99, "0001-01-01T00:00+14:00"],
)
def test_what_is_no_end_is_refused(typed):
    with pytest.raises(Invalid, match="Expiry: write"):
        expiry(typed, NOW)


@pytest.mark.parametrize(
    ("typed", "long"),
    [
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("0", timedelta(0)),
    ],
)
def test_a_duration_is_a_number_of_hours_days_or_weeks(typed, long):
    assert duration(typed) == long


@pytest.mark.parametrize("typed", ["", "soon", "0d", "-1h", "24", "1y", "2030-12-31"])
def test_what_is_no_duration_is_refused_with_one_that_is(typed):
    with pytest.raises(Invalid, match="write a time such as 24h, 7d or 2w"):
        duration(typed)


def test_an_end_in_the_past_is_refused():
    with pytest.raises(Invalid, match="past"):
        expiry("2020-01-01", NOW)


def test_a_token_may_only_read_unless_it_is_said():
    assert not read(NewToken, name="ci").can_write
