"""Tokens: list, one, add, edit, rotate, revoke. A token's text is shown once, where it is made."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pyramid.response import Response
from sqlalchemy import ColumnElement, and_, func, literal, not_, select
from sqlalchemy.orm import selectinload

from packistry.errors import Forbidden, Invalid
from packistry.inputs import NewToken
from packistry.inputs.rights import RightsChange, TokenChange
from packistry.inputs.times import expiry
from packistry.models import Grant, Repository, Token, TokenKind, User
from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Permission, token_predicate
from packistry.services.reach import Reach
from packistry.services.snippets import (
    repository_commands,
    require_command,
    token_commands,
    token_variable,
)
from packistry.services.tokens import actor_of, in_force, usable
from packistry.web import pages
from packistry.web.admin import rights
from packistry.web.listing import listing, mentions
from packistry.web.needs import SOON
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

USED_BY = 3
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
EXPIRIES = (
    ("30d", "30 days", ""),
    ("90d", "90 days", "A good habit"),
    ("365d", "A year", ""),
    ("never", "Never", "Rotate it yourself"),
    ("date", "On a day", "Enter it below"),
)
KEEPS = {
    "0": ("At once", timedelta(0)),
    "1": ("An hour", timedelta(hours=1)),
    "24": ("A day", timedelta(days=1)),
    "168": ("A week", timedelta(days=7)),
}
NOT_YOURS = "This is somebody's own token: only they can change it. You can revoke it."
FOR_NOTHING = "Choose at least one thing that the token is for."
NOTHING_CHOSEN = "Rights: choose at least one repository or package."


def find(visit: Visit, services: Services) -> Token:
    """The token in the path. Raises NotFound."""
    return services.tokens.get(visit.number("token"))


def state_of(token: Token) -> tuple[str, str]:
    """(kind, words) of how it is with a token, for `ui.status`."""
    if token.revoked_at is not None:
        return "skip", "Revoked"
    if token.expires_at is not None and token.expires_at <= now():
        return "skip", "Expired"
    if not usable(token, token.user):
        return "skip", "Its owner is disabled"
    if token.expires_at is not None and token.expires_at <= now() + SOON:
        return "warn", "Expires soon"
    return "ok", "Works"


def abilities(token: Token) -> str:
    """What a token is for, in words."""
    words = ["installs"] if token.can_read else []
    words += ["uploads"] if token.can_write else []
    words += ["opens the API"] if token.can_call_api else []
    text = ", ".join(words) or "opens nothing"
    return text[0].upper() + text[1:]


def index(visit: Visit, services: Services) -> Shown:
    """Those that they may see."""
    query = (
        select(Token)
        .outerjoin(User, User.id == Token.user_id)
        .where(
            token_predicate(visit.actor),
            *mentions(visit.query("q"), Token.name, User.name, User.email),
            *_of_kind(visit.query("kind")),
            _in_state(visit.query("state")),
        )
        .options(
            selectinload(Token.user),
            selectinload(Token.grants).options(
                selectinload(Grant.repository), selectinload(Grant.package)
            ),
        )
    )
    rows = listing(
        visit,
        services.session,
        query,
        sorts={
            "name": func.lower(Token.name),
            "used": func.coalesce(Token.last_used_at, literal(LONG_AGO, Token.created_at.type)),
            "expires": func.coalesce(Token.expires_at, literal(NEVER, Token.created_at.type)),
        },
        sort="name",
        unique=Token.id,
        filters=("kind", "state"),
    )
    return {
        "listing": rows,
        "state_of": state_of,
        "abilities": abilities,
        "maintains": visit.may(services, Permission.MAINTAIN),
    }


def _of_kind(kind: str) -> list[ColumnElement[bool]]:
    kinds = {"deploy": TokenKind.DEPLOY, "personal": TokenKind.PERSONAL}
    return [Token.kind == kinds[kind]] if kind in kinds else []


def _in_state(state: str) -> ColumnElement[bool]:
    moment = now()
    works = in_force(moment)
    if state == "over":
        return not_(works)
    if state == "soon":
        return and_(works, Token.expires_at <= moment + SOON)
    return works


def show(visit: Visit, services: Services) -> Shown:
    """One, without its text, which is nowhere."""
    token = find(visit, services)
    return {
        "token": token,
        "grants": services.grants.of(token),
        "state": state_of(token),
        "abilities": abilities(token),
        "works": usable(token, token.user),
        "own": _may_change(visit, token),
        "soon": token.expires_at is not None and token.expires_at <= now() + SOON,
    }


def show_add(visit: Visit, services: Services) -> Shown:
    """The form: of a deploy token for who maintains anything, else of a personal one."""
    maintains = visit.may(services, Permission.MAINTAIN)
    deploy = maintains and visit.query("kind") != "personal"
    asked = visit.query("repository")
    return {
        "deploy": deploy,
        "maintains": maintains,
        "branches": Reach(services.session, visit.actor).tree() if deploy else [],
        "expiries": EXPIRIES,
        "form": visit.form(
            name="",
            can_read=True,
            expires="90d",
            until="",
            grant=[f"r{asked}.read"] if asked.isdigit() else [],
        ),
    }


def add(visit: Visit) -> Response:
    """Makes it, and shows its text this once."""
    with visit.reading() as services:
        deploy = visit.may(services, Permission.MAINTAIN) and visit.query("kind") != "personal"
    new = visit.read(
        NewToken,
        name=visit.text("name"),
        can_read=deploy or visit.ticked("can_read"),
        can_write=visit.ticked("can_write") and not deploy,
        can_call_api=visit.ticked("can_call_api") and not deploy,
        expires_at=_expiry(visit),
    )
    if not (new.can_read or new.can_write or new.can_call_api):
        raise Invalid(FOR_NOTHING, field="can_read")
    wanted = _rights(visit) if deploy else None
    with visit.change() as services:
        made, text = services.tokens.add(
            TokenKind.DEPLOY if deploy else TokenKind.PERSONAL,
            new.name,
            user=None if deploy else services.users.at(visit.who.user_id),
            can_read=new.can_read,
            can_write=new.can_write,
            can_call_api=new.can_call_api,
            expires_at=new.expires_at,
        )
        if wanted is not None:
            Reach(services.session, visit.actor).grant(made, wanted)
        number = made.id
    return _shown_once(visit, number, text)


def show_edit(visit: Visit, services: Services) -> Shown:
    """The form with what it is now."""
    token = find(visit, services)
    _check_own(visit, token)
    deploy = token.kind == TokenKind.DEPLOY
    return {
        "token": token,
        "branches": Reach(services.session, visit.actor).tree(token) if deploy else [],
        "form": visit.form(name=token.name, grant=rights.chosen(services, token)),
    }


def edit(visit: Visit) -> Response:
    """Changes its name, and what a deploy token may reach."""
    change = visit.read(TokenChange, name=visit.text("name"))
    with visit.change() as services:
        token = find(visit, services)
        _check_own(visit, token)
        services.tokens.edit(token, change)
        if token.kind == TokenKind.DEPLOY:
            Reach(services.session, visit.actor).grant(token, _rights(visit))
    visit.say("Saved. It counts from the next request on.")
    return visit.go("token", token=visit.number("token"))


def show_rotate(visit: Visit, services: Services) -> Shown:
    """How long the old one goes on."""
    token = find(visit, services)
    _check_own(visit, token)
    return {
        "token": token,
        "form": visit.form(keep="24"),
        "keeps": [(value, words, "") for value, (words, _) in KEEPS.items()],
    }


def rotate(visit: Visit) -> Response:
    """Makes its successor, and shows that one's text this once."""
    keep = KEEPS.get(visit.text("keep"))
    if keep is None:
        raise Invalid("Choose how long the old token goes on working.", field="keep")
    with visit.change() as services:
        token = find(visit, services)
        _check_own(visit, token)
        made, text = services.tokens.rotate(token, keep[1])
        services.audit.note("token.rotated", made)
        number = made.id
    return _shown_once(visit, number, text, replaced=visit.number("token"))


def show_revoke(visit: Visit, services: Services) -> Shown:
    """What stops."""
    token = find(visit, services)
    _demand_proof(visit, token)
    return {"token": token, "of_another": not _may_change(visit, token)}


def revoke(visit: Visit) -> Response:
    """Nobody gets in with it any more."""
    with visit.change() as services:
        token = find(visit, services)
        _demand_proof(visit, token)
        services.tokens.revoke(token)
        name = token.name
    visit.say(f"{name} opens nothing any more.")
    return visit.go("tokens")


def _shown_once(visit: Visit, number: int, text: str, replaced: int | None = None) -> Response:
    with visit.reading() as services:
        token = services.tokens.get(number)
        grants = services.grants.of(token)
        bearer, basic = token_commands(visit.base_url, text)
        homes = _repositories(visit, services, token, grants)
        shown = {
            "token": token,
            "text": text,
            "grants": grants,
            "replaced": services.tokens.get(replaced) if replaced else None,
            "projects": [
                (repository.name, repository_commands(visit.base_url, repository))
                for repository in homes
            ],
            "requires": _requires(services, token, homes),
            "bearer": bearer,
            "basic": basic,
            "variable": token_variable(visit.base_url, text),
        }
        return pages.answer(visit, services, "tokens/made.jinja2", shown)


def _repositories(
    visit: Visit, services: Services, token: Token, grants: Sequence[Grant]
) -> Sequence[Repository]:
    """The first that it opens."""
    if token.kind == TokenKind.PERSONAL:
        return services.repositories.readable(visit.actor, limit=USED_BY)
    found: Mapping[int, Repository] = {
        home.id: home
        for grant in grants
        if (home := grant.repository or (grant.package and grant.package.repository))
    }
    return list(found.values())[:USED_BY]


def _requires(services: Services, token: Token, homes: Sequence[Repository]) -> list[str]:
    """For each repository, the command that installs a package which the token may read."""
    actor = actor_of(token, token.user)
    found = [services.versions.example(home, actor) for home in homes if token.can_read]
    return [require_command(each.package.name or "", each) for each in found if each is not None]


def _expiry(visit: Visit) -> datetime | None:
    chosen = visit.text("expires")
    if chosen == "never":
        return None
    if chosen != "date":
        return expiry(chosen, now())
    try:
        return expiry(visit.text("until"), now())
    except Invalid:
        message = "Day: choose one that is not over yet."
        raise Invalid(message, field="until") from None


def _rights(visit: Visit) -> RightsChange:
    wanted = rights.entered(visit)
    if not wanted.rights:
        raise Invalid(NOTHING_CHOSEN, field="rights")
    return wanted


def _may_change(visit: Visit, token: Token) -> bool:
    return token.kind == TokenKind.DEPLOY or token.user_id == visit.actor.user_id


def _check_own(visit: Visit, token: Token) -> None:
    if not _may_change(visit, token):
        raise Forbidden(NOT_YOURS)


def _demand_proof(visit: Visit, token: Token) -> None:
    if not _may_change(visit, token):
        visit.demand_proof()


def _page(name: str, path: str, template: str, **rest: Any) -> Page:
    return Page(
        name=name,
        path=f"/admin/tokens/{{token}}{path}",
        permission=Permission.MAINTAIN,
        template=f"tokens/{template}.jinja2",
        section="tokens",
        target=find,
        **rest,
    )


PAGES = (
    Page(
        name="tokens",
        path="/admin/tokens",
        permission=Permission.PERSON,
        template="tokens/index.jinja2",
        show=index,
    ),
    Page(
        name="token-add",
        path="/admin/tokens/add",
        permission=Permission.PERSON,
        template="tokens/add.jinja2",
        section="tokens",
        show=show_add,
        submit=add,
    ),
    _page("token", "", "show", show=show),
    _page("token-edit", "/edit", "edit", show=show_edit, submit=edit),
    _page("token-rotate", "/rotate", "rotate", show=show_rotate, submit=rotate),
    _page("token-revoke", "/revoke", "revoke", show=show_revoke, submit=revoke),
)
