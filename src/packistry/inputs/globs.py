"""Lists of patterns as people enter them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag

from packistry.composer.filters import BadGlob, check_glob

MOST_GLOBS = 100
INHERIT = "inherit"


def glob(value: str) -> str:
    """A pattern of names of branches, tags or projects: release/*."""
    text = value.strip()
    try:
        check_glob(text)
    except BadGlob as error:
        raise ValueError(error.reason) from None
    return text


def globs(value: Any) -> Any:
    """Each once; a text area's lines are as good as a list, and blank ones are none."""
    if isinstance(value, str):
        value = value.splitlines()
    if not isinstance(value, Sequence) or not all(isinstance(each, str) for each in value):
        return value
    return tuple(dict.fromkeys(each for each in value if each.strip()))


def few(value: tuple[str, ...]) -> tuple[str, ...]:
    """Not more than a person means."""
    if len(value) > MOST_GLOBS:
        raise ValueError(f"at most {MOST_GLOBS} patterns")
    return value


Glob = Annotated[str, AfterValidator(glob)]
Globs = Annotated[tuple[Glob, ...], BeforeValidator(globs), AfterValidator(few)]

GlobsOrInherit = Annotated[
    Annotated[Globs, Tag("globs")] | Annotated[Literal["inherit"], Tag(INHERIT)],
    Discriminator(lambda value: INHERIT if value == INHERIT else "globs"),
]
"""In a change: other patterns, none at all (), or what the level above says."""
