import pytest
from hypothesis import given
from hypothesis import strategies as st

from packistry.composer.names import (
    MAX_NAME_LENGTH,
    RESERVED_VENDORS,
    InvalidName,
    check_link_name,
    check_package_name,
    check_vendor_name,
    is_package_name,
    is_platform_name,
)


@pytest.mark.parametrize(
    "name",
    ["a/b", "1/2", "a.b/c_d", "acme/lib--x", "acme/php", "ext-x/lib", "acme/p2", "a-b/c.d-e"],
)
def test_a_name_by_the_rule_is_accepted(name):
    check_package_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "acme",
        "a/b/c",
        "acme--x/lib",
        "acme/lib---x",
        "acme/lib-",
        "-acme/lib",
        "acme/y__z",
        "acme/lib~dev",
        "acme/lib\n",
        "acme/lib\x00",
        "acme/../x",
        "acme/ünï",
        "acme/٣",
        "Acme/lib",
        "acme/LIB",
        "con/lib",
        "acme/lpt9",
        "acme/lib.json",
        "php",
        "ext-json",
        "composer-runtime-api",
        "a/" + "b" * MAX_NAME_LENGTH,
    ],
)
def test_a_name_against_the_rule_is_refused(name):
    with pytest.raises(InvalidName):
        check_package_name(name)


@pytest.mark.parametrize("vendor", sorted(RESERVED_VENDORS))
def test_a_package_below_one_of_our_own_paths_is_refused(vendor):
    with pytest.raises(InvalidName):
        check_package_name(f"{vendor}/users")


def test_a_package_api_users_cannot_be_made():
    assert not is_package_name("api/users")


def test_a_link_may_point_to_a_vendor_that_is_reserved_here():
    check_link_name("api/users")


def test_an_upper_case_name_is_refused_with_the_name_to_use():
    with pytest.raises(InvalidName, match='"acme/lib"'):
        check_package_name("Acme/Lib")


def test_the_reason_of_a_hostile_name_is_short_and_on_one_line():
    with pytest.raises(InvalidName) as caught:
        check_package_name("x\n\x1b[2J\u202e" * 10_000)
    assert len(caught.value.reason) < 300
    assert caught.value.reason.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "php",
        "php-64bit",
        "hhvm",
        "ext-json",
        "ext-pdo_mysql",
        "lib-icu",
        "composer",
        "composer-plugin-api",
        "composer-runtime-api",
    ],
)
def test_a_platform_name_is_known(name):
    assert is_platform_name(name)


@pytest.mark.parametrize(
    "name", ["phpx", "php-8", "ext-", "composer-api", "acme/ext-json", "php\n"]
)
def test_another_name_is_no_platform_name(name):
    assert not is_platform_name(name)


@pytest.mark.parametrize("vendor", ["", "*", "acme/lib", "Acme", "acme--x", "api", "nul", "acme\n"])
def test_a_vendor_that_no_package_can_have_is_refused(vendor):
    with pytest.raises(InvalidName):
        check_vendor_name(vendor)


def test_a_vendor_by_the_rule_is_accepted():
    check_vendor_name("acme.co")


@given(st.text(alphabet="aA1/-_.~ \n%", max_size=12))
def test_no_accepted_name_changes_a_path_or_an_address(name):
    if is_package_name(name):
        assert name.count("/") == 1
        assert not set(name) & set("A~ \n%")
        assert all(part.strip(".-_") == part for part in name.split("/"))
