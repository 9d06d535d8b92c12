"""Lists of rows in pages: sorted by a heading, narrowed by words, a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Select, case, func, or_
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
    """One page of a list. `sort` is a heading's key, after "-" where the largest come first.

    With `more` there are more than `total`, and nobody has counted how many.
    """

    rows: Sequence[R]
    total: int
    page: int
    size: int
    sort: str
    narrowed: bool
    more: bool = False

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
        return [*numbers, None] if self.more else numbers


class Counting(Enum):
    """How a list finds out how many rows there are."""

    ALL = "all"
    """They are counted, which passes all of them."""
    FETCHED = "fetched"
    """There are few: all are fetched."""
    AHEAD = "ahead"
    """No further than some pages ahead: finding one costs more than counting it."""


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
    counting: Counting = Counting.ALL,
) -> Listing[Any]:
    """The page that the address asks for of what `query`, which groups nothing, finds.

    `sorts` are the columns by a heading's key, `sort` how it is sorted unless the address says
    otherwise, `unique` sorts those that are equal, the same way round: so an index can do both.
    `filters` name the parameters that narrow the list.
    """
    asked = visit.query("sort")
    order = asked if asked.removeprefix("-") in sorts else sort
    column = sorts[order.removeprefix("-")]
    last_first = order.startswith("-")
    ordered = query.order_by(*(each.desc() if last_first else each for each in (column, unique)))
    page, rows, total, more = _COUNTINGS[counting](visit, session, ordered, size)
    return Listing(
        rows=rows,
        total=total,
        more=more,
        page=page,
        size=size,
        sort=order,
        narrowed=any(visit.query(name) for name in ("q", *filters)),
    )


Counted = tuple[int, Sequence[Any], int, bool]
"""The page's number, its rows, how many rows there are, and whether there are more than that."""


def _all(visit: Visit, session: Session, query: Select[Any], size: int) -> Counted:
    counted = query.order_by(None).with_only_columns(func.count(), maintain_column_froms=True)
    total = session.scalar(counted) or 0
    page = page_number(visit, total, size)
    rows = session.execute(query.limit(size).offset((page - 1) * size)).all()
    return page, rows, total, False


def _fetched(visit: Visit, session: Session, query: Select[Any], size: int) -> Counted:
    found = session.execute(query).all()
    page = page_number(visit, len(found), size)
    return page, found[(page - 1) * size : page * size], len(found), False


def _ahead(visit: Visit, session: Session, query: Select[Any], size: int) -> Counted:
    page = page_number(visit, LAST_PAGE * size, size)
    before, shown = (page - 1) * size, AROUND * size
    found = session.execute(query.limit(shown + 1).offset(before)).all()
    if not found and page > 1:
        # Somebody made the address up, or there were more a moment ago.
        return _all(visit, session, query, size)
    return page, found[:size], before + min(len(found), shown), len(found) > shown


_COUNTINGS = {Counting.ALL: _all, Counting.FETCHED: _fetched, Counting.AHEAD: _ahead}


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
        for word in words_of(text)
    ]


def words_of(text: str) -> list[str]:
    """The words of a search."""
    return text.lower().split()[:MOST_WORDS]


def titles(column: InstrumentedAttribute[str], known: Mapping[str, Titled]) -> Column:
    """What people call what the column names: a class of a plugin, or its name when it is gone."""
    if not known:
        return column
    return case({name: each.title for name, each in known.items()}, value=column, else_=column)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        return 1
    return min(max(1, int(text[:7])), LAST_PAGE)
