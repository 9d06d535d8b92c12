"""Imports point inwards: docs/architecture.md draws these arrows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "packistry"

# What each layer may import of packistry, beside itself.
PLAIN = {"errors", "faults"}
DATA = PLAIN | {"stopping", "composer", "models", "database", "process", "settings", "wording"}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "faults": set(),
    "process": set(),
    "scratch": set(),
    "wording": set(),
    "composer": set(),
    "netguard": PLAIN,
    "settings": PLAIN,
    "stopping": PLAIN,
    "git": PLAIN | {"netguard", "scratch", "stopping"},
    "plugin": PLAIN | {"netguard", "git"},
    "builtin": {"plugin"},
    "kit": PLAIN,
    "testing": PLAIN | {"plugin", "composer"},
    "models": {"composer"},
    "database": {"errors", "models"},
    "schema": {"models", "migrations"},
    "migrations": {"models"},
    "queue": PLAIN | {"settings"},
    "inputs": PLAIN | {"composer", "models"},
    "services": DATA | {"git", "plugin", "netguard", "queue", "inputs", "schema"},
    "runtime": DATA | {"git", "plugin", "netguard", "queue", "services", "schema"},
    "jobs": DATA | {"plugin", "queue", "services", "runtime"},
    "web": DATA | {"scratch", "plugin", "inputs", "services", "runtime", "jobs"},
    "cli": DATA
    | {"plugin", "inputs", "services", "runtime", "jobs", "web", "schema", "app", "kit"},
    "__main__": {"cli"},
    "app": {"runtime", "web", "settings", "jobs"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "packistry":
                names = [f"packistry.{alias.name}" for alias in node.names]
            yield from names
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def layer(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


MODULES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_inwards(path: Path) -> None:
    mine = layer(path)
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "packistry" and rest:
            other = rest.partition(".")[0]
            assert other == mine or other in ALLOWED[mine], f"{mine} must not import {other}"


def test_the_pyramid_framework_stays_in_the_web_layer() -> None:
    for path in MODULES:
        if layer(path) not in ("web", "app"):
            assert not any(name.split(".")[0] == "pyramid" for name in imports(path)), path


def test_only_packistry_git_starts_git() -> None:
    for path in MODULES:
        if layer(path) != "git":
            assert "subprocess" not in set(imports(path)), path


PLUGINS = sorted((Path(__file__).parents[1] / "plugins").iterdir())


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_imports_what_is_public_and_no_other_plugin(plugin: Path) -> None:
    public = {"packistry.plugin", plugin.name}
    for path in plugin.rglob("src/**/*.py"):
        for name in imports(path):
            ours = name.startswith(("packistry", "plugins.", "tests."))
            assert not ours or name in public or name.startswith(f"{plugin.name}."), (path, name)
    for path in plugin.rglob("tests/*.py"):
        for name in imports(path):
            private = name.startswith("packistry.") and name != "packistry.testing"
            assert not private or name in public, (path, name)
