"""The oldest releases without known holes that we are exposed to."""

import re
from configparser import ConfigParser
from importlib.metadata import version as installed
from pathlib import Path

import pytest

from packistry.git.version import MINIMUM, check_version, version
from packistry.services.doctor.machine import FLOORS

ROOT = Path(__file__).parents[2]

# Each with the advisories that it fixes.
FIXED = {
    "pyramid": (2, 0, 2),  # CVE-2023-40587
    "waitress": (3, 0, 1),  # CVE-2024-49768, -49769
    "webob": (1, 8, 11),  # CVE-2024-42353, CVE-2026-44889, -54770
    "requests": (2, 32, 4),  # CVE-2024-47081
}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def required() -> dict[str, str]:
    """The lowest release of each library that may be installed with us."""
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    lines = parser["options"]["install_requires"].split("\n")
    found = [re.match(r"([a-zA-Z0-9_.-]+) >= ([0-9.]+)", line) for line in lines if line]
    return {match[1].lower(): match[2] for match in found if match}


@pytest.mark.parametrize("name", FIXED)
def test_installed_versions_meet_the_floors(name: str) -> None:
    assert numbers(installed(name)) >= FIXED[name]


@pytest.mark.parametrize("name", FIXED)
def test_an_installation_cannot_get_a_release_below_its_floor(name: str) -> None:
    assert numbers(required()[name]) >= FIXED[name]


def test_every_library_has_a_floor() -> None:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    lines = [line for line in parser["options"]["install_requires"].split("\n") if line]
    assert len(required()) == len(lines)
    assert all(numbers(installed(name)) >= numbers(floor) for name, floor in required().items())


@pytest.mark.parametrize("name", FLOORS)
def test_doctor_asks_for_no_less(name: str) -> None:
    assert FLOORS[name] >= FIXED[name]


def test_git_meets_its_floor() -> None:
    check_version()
    assert version() >= MINIMUM >= (2, 39, 1)
