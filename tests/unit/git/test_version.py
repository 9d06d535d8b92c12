import pytest

from packistry.errors import ConfigurationError
from packistry.git import check_version, lacks_fixes, version
from packistry.git.version import parse_version


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("git version 2.39.5", (2, 39, 5)),
        ("git version 2.50.1 (Apple Git-155)", (2, 50, 1)),
        ("git version 2.45.windows.1", (2, 45, 0)),
        ("git version 3.0", (3, 0, 0)),
    ],
)
def test_the_version_is_read_from_what_git_says(text: str, found: tuple[int, int, int]) -> None:
    assert parse_version(text) == found


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        parse_version("zsh: command not found")


def test_the_installed_git_is_new_enough() -> None:
    check_version(version())


@pytest.mark.parametrize("old", [(2, 39, 0), (2, 30, 9), (1, 9, 9)])
def test_a_git_that_can_be_made_to_write_outside_its_memory_is_refused(
    old: tuple[int, int, int],
) -> None:
    with pytest.raises(ConfigurationError, match=r"2\.39\.1"):
        check_version(old)


@pytest.mark.parametrize(
    ("found", "lacks"),
    [
        ((2, 39, 5), True),
        ((2, 43, 6), True),
        ((2, 43, 7), False),
        ((2, 50, 0), True),
        ((2, 50, 1), False),
        ((2, 51, 0), False),
    ],
)
def test_a_release_without_the_fixes_of_2025_is_told(
    found: tuple[int, int, int], lacks: bool
) -> None:
    assert lacks_fixes(found) is lacks
