"""The lists of patterns that say which branches and tags become versions, in forms."""

from collections.abc import Mapping, Sequence
from typing import Any

from packistry.composer.filters import DEFAULTS
from packistry.web.visit import Visit

FIELDS = (
    ("branches", "Branches"),
    ("exclude_branches", "Except the branches"),
    ("tags", "Tags"),
    ("exclude_tags", "Except the tags"),
)

KEEP_HELP = (
    "0 keeps all. Older ones go at the next clean-up, and lock files that name them stop "
    "installing; zips of tags always stay."
)


def entered(visit: Visit, *, blank: Any) -> Mapping[str, Any]:
    """What was entered, a pattern a line; `blank` for a list that was left empty."""
    lists = {name: visit.text(name).split() for name in DEFAULTS}
    return {name: globs or blank for name, globs in lists.items()}


def shown(row: Any) -> Mapping[str, Sequence[str] | None]:
    """The lists of its own that a source or package has."""
    return {name: getattr(row, name) for name in DEFAULTS}
