"""A plugin project to begin with: installable, with tests that pass."""

import re
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from packistry.errors import Conflict, Invalid

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_LONGEST = 50
_SUFFIX = ".txt"
_TEMPLATES = files(__name__) / "templates"


class Kind(StrEnum):
    """What a plugin offers."""

    SOURCE = "source"
    AUTH = "auth"
    STORAGE = "storage"


def create(name: str, kind: Kind, folder: Path) -> list[Path]:
    """Writes the project of a plugin called `name` into `folder`; the files, sorted.

    Raises Invalid for a name that a plugin cannot have, Conflict when there is something in the
    folder already. Nothing is ever overwritten.
    """
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise Invalid(
            f'"{name}" cannot be the name of a plugin. Use up to {_LONGEST} lower-case letters and '
            "digits, with single dashes between words: acme-forge."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"There is something at {folder} already. Name another --directory.")
    words = _words(name)
    written = []
    for part in ("common", kind.value):
        for relative, template in _walk(_TEMPLATES / part, ""):
            path = folder / Template(relative).substitute(words)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(template.read_text("utf-8")).substitute(words), "utf-8")
            written.append(path)
    return sorted(written)


def _words(name: str) -> dict[str, str]:
    parts = [part.capitalize() for part in name.split("-")]
    return {
        "name": name,
        "distribution": f"packistry-{name}",
        "package": f"packistry_{name.replace('-', '_')}",
        "class_name": "".join(parts),
        "title": " ".join(parts),
    }


def _walk(folder: Traversable, below: str) -> list[tuple[str, Traversable]]:
    """(path of the file to write, its template), for all templates in a folder."""
    found = []
    for each in folder.iterdir():
        path = f"{below}{each.name}"
        if each.is_dir():
            found += _walk(each, f"{path}/")
        elif path.endswith(_SUFFIX):
            found.append((path.removesuffix(_SUFFIX), each))
    return found
