"""docs/plugins.md says what there is."""

import re
from pathlib import Path

import pytest

import packistry.plugin
import packistry.testing
from packistry.plugin import (
    AuthBackend,
    OAuth2Backend,
    OpenIDBackend,
    Snapshot,
    SourceProvider,
    Storage,
    hookspecs,
)

PAGE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text("utf-8")
WORDS = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`", PAGE))))


@pytest.mark.parametrize("name", packistry.plugin.__all__)
def test_every_name_a_plugin_may_import_is_on_the_page(name: str) -> None:
    assert name in WORDS


@pytest.mark.parametrize("name", packistry.testing.__all__)
def test_every_name_a_test_may_import_is_on_the_page(name: str) -> None:
    assert name in WORDS


@pytest.mark.parametrize(
    "name", [name for name in vars(hookspecs) if name.startswith("packistry_")]
)
def test_every_hook_is_on_the_page(name: str) -> None:
    assert name in WORDS


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            name
            for contract in (
                SourceProvider,
                Snapshot,
                Storage,
                AuthBackend,
                OAuth2Backend,
                OpenIDBackend,
            )
            for name in vars(contract)
            if not name.startswith("_")
        }
    ),
)
def test_every_method_of_a_contract_is_on_the_page(name: str) -> None:
    assert name in WORDS


def test_every_public_name_exists() -> None:
    for module in (packistry.plugin, packistry.testing):
        assert all(hasattr(module, name) for name in module.__all__)
