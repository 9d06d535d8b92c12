"""What the JSON API is asked and answers, as far as several calls share it."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    WithJsonSchema,
    create_model,
)

from packistry import inputs

T = TypeVar("T")

SIZE = 10
LARGEST_SIZE = 1000
LAST_PAGE = 100_000
LONGEST_WORDS = 255
SORTED = 'What it is sorted by; "-" before a name puts the largest first.'


INHERIT = Literal["inherit"]
"""What says that the source, or else the default, decides."""


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Moment = Annotated[
    datetime,
    PlainSerializer(_moment, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment as the PHP Packistry writes it: "2026-01-31T12:00:00.000000Z"."""


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and _DIGITS.match(value) else value


_DIGITS = re.compile(r"[1-9][0-9]{0,8}\Z", re.ASCII)

Number = Annotated[
    int,
    Field(ge=1, le=999_999_999),
    BeforeValidator(
        _number, json_schema_input_type=int | Annotated[str, Field(pattern="^[1-9][0-9]{0,8}$")]
    ),
]
"""The id of a row. In a body it may be text, as the PHP Packistry's own pages send it."""


# What people enter. Inputs refuse what is wrong, in words that name the field: these tell the
# limits to whoever reads the document.
def _told(**limits: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **limits})


Words = Annotated[str, _told(minLength=1, maxLength=inputs.LONGEST_NAME)]
"""A name, or an address of e-mail."""
PathWords = Annotated[
    str,
    _told(
        maxLength=inputs.LONGEST_PATH,
        description="Words of a-z and 0-9 joined by -, _ or ., as team-a; empty: the root one",
    ),
]
Prose = Annotated[str, _told(maxLength=inputs.LONGEST_TEXT)]
Folder = Annotated[
    str, _told(maxLength=inputs.LONGEST_NAME, description="A folder inside the project")
]
NewSecret = Annotated[
    SecretStr,
    _told(
        format="password",
        writeOnly=True,
        minLength=inputs.SHORTEST_PASSWORD,
        maxLength=inputs.LONGEST_PASSWORD,
    ),
]
Kept = Annotated[
    int, WithJsonSchema({"type": "integer", "minimum": 0, "maximum": inputs.MOST_KEPT_DISTS})
]
"""How many zips of each branch are kept; 0 is all of them."""


class Shape(BaseModel):
    """The base of all answers. Fields are only ever added."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Body(BaseModel):
    """The base of what is sent in a request's body."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Query(BaseModel):
    """The base of what is asked in an address. What is not known is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Search(Query):
    """A list, narrowed by words."""

    search: str = Field(
        "",
        alias="filter[search]",
        max_length=LONGEST_WORDS,
        description="Only those in which all of these words are found.",
    )


class ListQuery(Search):
    """A page of a list."""

    page: int = Field(1, ge=1, le=LAST_PAGE, description="Which page of the list.")
    size: int = Field(SIZE, ge=1, le=LARGEST_SIZE, description="How many are on a page.")
    sort: str = ""


def list_query(name: str, *sorts: str, **filters: Any) -> type[ListQuery]:
    """The query of a list that can be sorted by these; `filters` are types by name.

    "-" before a name puts the largest first. The first of `sorts` is used when none is asked for.
    """
    plain = dict.fromkeys(sort.removeprefix("-") for sort in sorts)
    names = [each for sort in plain for each in (sort, f"-{sort}")]
    order = Field(sorts[0], description=SORTED)
    fields: dict[str, Any] = {"sort": (Literal[tuple(names)], order)}
    for field, kind in filters.items():
        fields[field] = (kind | None, Field(None, alias=f"filter[{field}]"))
    return create_model(name, __base__=ListQuery, __module__=__name__, **fields)


class PageLink(Shape):
    """One of the links of a pager; `url` is null where it leads nowhere."""

    url: str | None
    label: str
    active: bool


class Links(Shape):
    """Addresses of other pages of the same list."""

    first: str
    last: str
    prev: str | None
    next: str | None


class Meta(Shape):
    """Where in the list this page is."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    current_page: int
    from_: int | None = Field(alias="from")
    last_page: int
    links: list[PageLink]
    path: str
    per_page: int
    to: int | None
    total: int


class Paged(Shape, Generic[T]):
    """A page of a list."""

    data: list[T]
    links: Links
    meta: Meta


class Problem(Shape):
    """What went wrong, in a sentence; where the input is at fault, by field."""

    message: str
    errors: dict[str, list[str]] = {}
