"""The search over everything that they may see."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from packistry.models import Package, Repository, Source, Token, User
from packistry.services import Services
from packistry.services.access import Permission, enterable, readable, token_predicate
from packistry.services.search import rare
from packistry.web.admin.tokens import state_of
from packistry.web.listing import mentions, words_of
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

MOST = 20


@dataclass(frozen=True, kw_only=True)
class Found:
    """One thing: its words, what it is about, and its page ("" while there is none)."""

    words: str
    about: str
    href: str


def show(visit: Visit, services: Services) -> Shown:
    """What was found, by kind."""
    text = visit.query("q").strip()
    groups: list[tuple[str, Sequence[Found]]] = []
    if text:
        groups = [
            ("Packages", _packages(visit, services, text)),
            ("Repositories", _repositories(visit, services, text)),
            ("Tokens", _tokens(visit, services, text)),
        ]
        if visit.actor.admin:
            groups += [
                ("Sources", _sources(visit, services, text)),
                ("Members", _members(visit, services, text)),
            ]
    return {"text": text, "groups": [(kind, found) for kind, found in groups if found]}


def _packages(visit: Visit, services: Services, text: str) -> list[Found]:
    query = (
        select(Package)
        .where(readable(visit.actor), *mentions(text, Package.name, Package.description))
        .order_by(Package.name)
        .limit(MOST)
    )
    few = rare(services.session, words_of(text))
    if few is not None:
        query = query.where(few)
    return [
        Found(
            words=row.name or f"number {row.id}",
            about=row.description,
            href=visit.url("package", package=row.id) if visit.has("package") else "",
        )
        for row in services.session.scalars(query)
    ]


def _repositories(visit: Visit, services: Services, text: str) -> list[Found]:
    wanted = mentions(text, Repository.name, Repository.path, Repository.description)
    query = select(Repository).where(enterable(visit.actor), *wanted)
    return [
        Found(
            words=row.name,
            about=row.description,
            href=visit.url("repository", repository=row.id),
        )
        for row in services.session.scalars(query.order_by(Repository.name).limit(MOST))
    ]


def _tokens(visit: Visit, services: Services, text: str) -> list[Found]:
    query = select(Token).where(token_predicate(visit.actor), *mentions(text, Token.name))
    return [
        Found(
            words=row.name,
            about=state_of(row)[1],
            href=visit.url("token", token=row.id),
        )
        for row in services.session.scalars(query.order_by(Token.name, Token.id).limit(MOST))
    ]


def _sources(visit: Visit, services: Services, text: str) -> list[Found]:
    query = select(Source).where(*mentions(text, Source.name, Source.provider))
    return [
        Found(
            words=row.name,
            about=row.provider,
            href=visit.url("source", source=row.id) if visit.has("source") else "",
        )
        for row in services.session.scalars(query.order_by(Source.name).limit(MOST))
    ]


def _members(visit: Visit, services: Services, text: str) -> list[Found]:
    query = select(User).where(*mentions(text, User.name, User.email))
    return [
        Found(
            words=row.name,
            about=row.email or "",
            href=visit.url("member", user=row.id) if visit.has("member") else "",
        )
        for row in services.session.scalars(query.order_by(User.name).limit(MOST))
    ]


PAGES = (
    Page(
        name="everything",
        path="/admin/search",
        permission=Permission.PERSON,
        template="everything.jinja2",
        show=show,
    ),
)
