"""What surrounds every page: the navigation with its counts, as far as who looks may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from packistry.models import Package, Repository, Source, Sync, SyncState, User
from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Permission, enterable, readable, token_predicate
from packistry.services.tokens import in_force
from packistry.web.needs import needs

if TYPE_CHECKING:
    from packistry.web.visit import Visit


COUNTS_SECONDS = 600
NEEDS_SECONDS = 30
OF = {"imports": "running", "overview": "need you"}


@dataclass(frozen=True, kw_only=True)
class Item:
    """A link of the navigation: a page's name, its words, and who may use it."""

    page: str
    words: str
    permission: Permission = Permission.ADMINISTER


@dataclass(frozen=True, kw_only=True)
class Link:
    """An item as it is shown; `of` says what the count counts where it needs saying."""

    words: str
    href: str
    current: bool
    count: int | None = None
    of: str = ""
    bad: bool = False


@dataclass(frozen=True, kw_only=True)
class Group:
    """Links under a heading, "" for none."""

    heading: str
    links: Sequence[Link]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The navigation."""

    groups: Sequence[Group]


NAVIGATION: tuple[tuple[str, tuple[Item, ...]], ...] = (
    (
        "",
        (
            Item(page="overview", words="Overview", permission=Permission.PERSON),
            Item(page="packages", words="Packages", permission=Permission.PERSON),
            Item(page="repositories", words="Repositories", permission=Permission.PERSON),
            Item(page="sources", words="Sources"),
            Item(page="imports", words="Imports", permission=Permission.MAINTAIN),
        ),
    ),
    (
        "People",
        (
            Item(page="members", words="Members"),
            Item(page="tokens", words="Tokens", permission=Permission.PERSON),
            Item(page="auth-sources", words="Sign-in"),
        ),
    ),
    (
        "System",
        (
            Item(page="plugins", words="Plugins"),
            Item(page="audit", words="Audit"),
            Item(page="settings", words="Settings"),
            Item(page="api", words="API", permission=Permission.PERSON),
        ),
    ),
)
"""Items show as soon as a page of that name is registered."""


def frame(visit: "Visit", services: Services) -> Frame:
    """The frame of this page for whoever is signed in; without links for a stranger."""
    if visit.signed is None:
        return Frame(groups=())
    counts = _counts(visit, services)
    groups = []
    for heading, items in NAVIGATION:
        links = [
            Link(
                words=item.words,
                href=visit.url(item.page),
                current=visit.section == item.page,
                count=counts.get(item.page),
                of=OF.get(item.page, ""),
                bad=item.page == "overview",
            )
            for item in items
            if visit.has(item.page) and visit.may(services, item.permission)
        ]
        if links:
            groups.append(Group(heading=heading, links=links))
    return Frame(groups=groups)


def _counts(visit: "Visit", services: Services) -> dict[str, int]:
    # Whatever changes these numbers moves the generation on.
    key = ("frame", visit.actor.user_id, visit.request.parts.reads.generation())
    counts = visit.kept.get(key, COUNTS_SECONDS, lambda: _readable_counts(visit, services))
    if visit.needs is None:
        visit.needs = visit.kept.get(
            ("needs", visit.actor.user_id),
            NEEDS_SECONDS,
            lambda: len(needs(services, visit.actor)),
        )
    counts = {**counts, "overview": visit.needs}
    if visit.actor.admin:
        under_way = Sync.state.in_((SyncState.QUEUED, SyncState.RUNNING))
        sources, imports, members = services.session.execute(
            select(
                select(func.count()).select_from(Source).scalar_subquery(),
                select(func.count()).where(under_way).scalar_subquery(),
                select(func.count()).where(User.active.is_(True)).scalar_subquery(),
            )
        ).one()
        counts = {**counts, "sources": sources, "imports": imports, "members": members}
    return {name: count for name, count in counts.items() if count}


def _readable_counts(visit: "Visit", services: Services) -> dict[str, int]:
    session, admin = services.session, visit.actor.admin
    packages = select(func.count()).select_from(Package)
    if not admin:
        packages = packages.join(Repository, Repository.id == Package.repository_id).where(
            readable(visit.actor)
        )
    repositories = select(func.count()).select_from(Repository).where(enterable(visit.actor))
    tokens = select(func.count()).where(token_predicate(visit.actor), in_force(now()))
    return {
        "packages": session.scalar(packages) or 0,
        "repositories": session.scalar(repositories) or 0,
        "tokens": session.scalar(tokens) or 0,
    }
