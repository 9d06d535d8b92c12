"""A page of a list, with the links and numbers that the PHP Packistry gives beside it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from packistry.web.api.call import PREFIX, ApiVisit
from packistry.web.api.shapes import LAST_PAGE, Links, ListQuery, Meta, Paged, PageLink

S = TypeVar("S")
Column = ColumnElement[Any] | InstrumentedAttribute[Any]


def paged(
    visit: ApiVisit,
    session: Session,
    query: Select[Any],
    *,
    sorts: Mapping[str, Column],
    unique: Column,
    shapes: Callable[[Sequence[Any]], Sequence[S]],
) -> Paged[S]:
    """The page that was asked for of what `query` finds; `shapes` is given its rows.

    `sorts` are the columns by what they are called in `sort`, `unique` breaks ties.
    """
    asked = visit.narrowed(ListQuery)
    column = sorts[asked.sort.removeprefix("-")]
    order = column.desc() if asked.sort.startswith("-") else column.asc()
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    before = (asked.page - 1) * asked.size
    rows = session.execute(query.order_by(order, unique).limit(asked.size).offset(before)).all()
    data = list(shapes(rows))
    last = min(LAST_PAGE, max(1, -(-total // asked.size)))
    return Paged(
        data=data,
        links=Links(
            first=_address(visit, 1),
            last=_address(visit, last),
            prev=_address(visit, asked.page - 1) if asked.page > 1 else None,
            next=_address(visit, asked.page + 1) if asked.page < last else None,
        ),
        meta=Meta(
            current_page=asked.page,
            from_=before + 1 if data else None,
            last_page=last,
            links=_pager(visit, asked.page, last),
            path=_path(visit),
            per_page=asked.size,
            to=before + len(data) if data else None,
            total=total,
        ),
    )


def _pager(visit: ApiVisit, page: int, last: int) -> list[PageLink]:
    near = sorted({1, last, *range(max(1, page - 3), min(last, page + 3) + 1)})
    numbers = [
        PageLink(url=_address(visit, each), label=str(each), active=each == page) for each in near
    ]
    back = _address(visit, page - 1) if page > 1 else None
    forth = _address(visit, page + 1) if page < last else None
    return [
        PageLink(url=back, label="&laquo; Previous", active=False),
        *numbers,
        PageLink(url=forth, label="Next &raquo;", active=False),
    ]


def _path(visit: ApiVisit) -> str:
    path: str = visit.request.path_info
    return f"{visit.base_url}{PREFIX}{path.removeprefix(PREFIX)}"


def _address(visit: ApiVisit, page: int) -> str:
    query = {**visit.request.GET.mixed(), "page": str(page)}
    return f"{_path(visit)}?{urlencode(query, doseq=True)}"
