"""Lists of rows in pages: sorted by a heading, narrowed by words, a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from packistry.web.visit import Visit

R = TypeVar("R")
PAGE = 25
LAST_PAGE = 100_000
MOST_WORDS = 8
AROUND = 2

Column = ColumnElement[Any] | InstrumentedAttribute[Any]


class Titled(Protocol):
    """A class of a plugin, which people know by its title."""

    title: str


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[R]):
    """One page of a list. `sort` is a heading's key, after "-" where the largest come first."""

    rows: Sequence[R]
    total: int
    page: int
    size: int
    sort: str
    narrowed: bool

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return (self.page - 1) * self.size + 1

    @property
    def last(self) -> int:
        return min(self.page * self.size, self.total)

    @property
    def numbers(self) -> list[int | None]:
        """The numbers a pager shows; None stands for those left out."""
        near = range(max(1, self.page - AROUND), min(self.pages, self.page + AROUND) + 1)
        shown = sorted({1, self.pages, *near})
        numbers: list[int | None] = []
        for number in shown:
            if numbers and numbers[-1] is not None and number - numbers[-1] > 1:
                numbers.append(None)
            numbers.append(number)
        return numbers


def listing(
    visit: Visit,
    session: Session,
    query: Select[Any],
    *,
    sorts: Mapping[str, Column],
    sort: str,
    unique: Column,
    filters: Sequence[str] = (),
    size: int = PAGE,
    at_once: bool = False,
) -> Listing[Any]:
    """The page that the address asks for of what `query` finds.

    `sorts` are the columns by a heading's key, `sort` how it is sorted unless the address says
    otherwise, `unique` breaks ties. `filters` name the parameters that narrow the list. With
    `at_once` all that is found is fetched instead of counted: numbers that cost more to find.
    """
    asked = visit.query("sort")
    order = asked if asked.removeprefix("-") in sorts else sort
    column = sorts[order.removeprefix("-")]
    ordered = query.order_by(column.desc() if order.startswith("-") else column.asc(), unique)
    rows: Sequence[Any]
    if at_once:
        found = session.execute(ordered).all()
        page = page_number(visit, total := len(found), size)
        rows = found[(page - 1) * size : page * size]
    else:
        counted = select(func.count()).select_from(query.order_by(None).subquery())
        page = page_number(visit, total := session.scalar(counted) or 0, size)
        rows = session.execute(ordered.limit(size).offset((page - 1) * size)).all()
    return Listing(
        rows=rows,
        total=total,
        page=page,
        size=size,
        sort=order,
        narrowed=any(visit.query(name) for name in ("q", *filters)),
    )


def paged(visit: Visit, items: Sequence[R], size: int = PAGE) -> Listing[R]:
    """The page that the address asks for of what was found and sorted already."""
    page = page_number(visit, len(items), size)
    return Listing(
        rows=items[(page - 1) * size : page * size],
        total=len(items),
        page=page,
        size=size,
        sort="",
        narrowed=False,
    )


def page_number(visit: Visit, total: int, size: int = PAGE) -> int:
    """The number of the page that the address asks for of so many rows."""
    return min(_number(visit.query("page")), max(1, -(-total // size)))


def mentions(text: str, *columns: Column) -> list[ColumnElement[bool]]:
    """For each word of a search: that one of the columns holds it."""
    return [
        or_(*(func.lower(column).contains(word, autoescape=True) for column in columns))
        for word in text.lower().split()[:MOST_WORDS]
    ]


def titles(column: InstrumentedAttribute[str], known: Mapping[str, Titled]) -> Column:
    """What people call what the column names: a class of a plugin, or its name when it is gone."""
    if not known:
        return column
    return case({name: each.title for name, each in known.items()}, value=column, else_=column)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        return 1
    return min(max(1, int(text[:7])), LAST_PAGE)
