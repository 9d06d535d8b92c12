"""How much there is, and how much of it is installed."""

from collections.abc import Mapping
from datetime import date, timedelta

from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.overview import Overview
from packistry.web.api.call import ApiVisit, Call
from packistry.web.api.shapes import Shape
from packistry.web.needs import needs

DAYS = 90


class DailyShape(Shape):
    """The downloads of a day."""

    date: date
    downloads: int


class DashboardShape(Shape):
    """Numbers as far as they may be seen; null where they may not."""

    packages: int
    repositories: int
    users: int | None
    tokens: int
    sources: int | None
    downloads: list[DailyShape]


class NeedShape(Shape):
    """What is "bad", or soon will be ("warn"): `said` is why, `url` where it is mended."""

    kind: str
    title: str
    text: str
    said: str
    url: str | None


def daily(found: Mapping[date, int], last: date) -> list[DailyShape]:
    """Every day of the 90 that end with `last`, also those without a download."""
    days = (last - timedelta(days=back) for back in reversed(range(DAYS)))
    return [DailyShape(date=day, downloads=found.get(day, 0)) for day in days]


def first_of(last: date) -> date:
    """The first day of those that `daily` tells of."""
    return last - timedelta(days=DAYS - 1)


def show(visit: ApiVisit, services: Services) -> DashboardShape:
    """What they may see of it."""
    overview = Overview(services.session, visit.actor)
    numbers = overview.numbers()
    last = now().date()
    return DashboardShape(
        packages=numbers.packages,
        repositories=numbers.repositories,
        users=numbers.members,
        tokens=numbers.tokens,
        sources=numbers.sources,
        downloads=daily(overview.downloads(first_of(last)), last),
    )


def attention(visit: ApiVisit, services: Services) -> list[NeedShape]:
    """The worst first."""
    return [
        NeedShape(
            kind=each.kind,
            title=each.title,
            text=each.text,
            said=each.said,
            url=f"{visit.base_url}{visit.url(each.page, **each.parts)}" if each.page else None,
        )
        for each in needs(services, visit.actor)
    ]


CALLS = (
    Call(
        name="attention",
        method="GET",
        path="/attention",
        permission=Permission.PERSON,
        tag="Dashboard",
        summary="What needs you: sources, webhooks and plugins that fail, tokens that soon expire",
        returns=list[NeedShape],
        show=attention,
    ),
    Call(
        name="dashboard",
        method="GET",
        path="/dashboard",
        permission=Permission.PERSON,
        tag="Dashboard",
        summary="How much there is, and the downloads of each of the last 90 days",
        returns=DashboardShape,
        show=show,
    ),
)
