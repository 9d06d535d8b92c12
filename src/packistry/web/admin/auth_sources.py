"""The places people sign in at: list, choose and set up one, check, edit, remove."""

from dataclasses import dataclass
from typing import Any

from pyramid.response import Response
from sqlalchemy import func, select

from packistry.errors import ConfigurationError, Invalid, NotFound
from packistry.inputs.sign_in import AuthenticationSourceChange, NewAuthenticationSource
from packistry.models import AuditEvent, AuthenticationSource, IdentityLink, Role
from packistry.plugin import AuthBackend
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.authentication_sources import check, rule_text, signs_out
from packistry.services.elsewhere import callback_url
from packistry.web.admin.configured import entered_before, told, with_notes
from packistry.web.forms import (
    config_cleared,
    config_values,
)
from packistry.web.listing import listing, mentions, titles
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit
from packistry.wording import plural

SHOWN_REFUSALS = 5
ROLES = (
    (Role.USER.value, "User", "Sees what is granted to them"),
    (Role.ADMIN.value, "Administrator", "May do everything"),
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What to do at the place, in one sentence; `before` and `after` surround our callback URL."""

    before: str
    after: str | None


def find(visit: Visit, services: Services) -> AuthenticationSource:
    """The source in the path. Raises NotFound."""
    return services.authentication_sources.at(visit.number("auth"))


def index(visit: Visit, services: Services) -> Shown:
    """All of them, or those that are looked for."""
    people = (
        select(func.count())
        .where(IdentityLink.source_id == AuthenticationSource.id)
        .correlate(AuthenticationSource)
        .scalar_subquery()
    )
    backends = services.context.plugins.auth_backends
    name, kind = AuthenticationSource.name, titles(AuthenticationSource.provider, backends)
    query = select(AuthenticationSource, people.label("people"))
    rows = listing(
        visit,
        services.session,
        query.where(*mentions(visit.query("q"), name, kind)),
        sorts={"name": func.lower(name), "kind": func.lower(kind), "people": people},
        sort="name",
        unique=AuthenticationSource.id,
    )
    return {"listing": rows, "backends": backends}


def show_add(visit: Visit, services: Services) -> Shown:
    """Which kind of place."""
    backends = services.context.plugins.auth_backends.values()
    known = sorted(backends, key=lambda each: each.title.casefold())
    return {
        "form": visit.form(provider=visit.query("provider")),
        "choices": [(each.name, each.title, "") for each in known],
    }


def add(visit: Visit) -> Response:
    """Makes it, off: only now its callback URL is known."""
    backends = visit.runtime.plugins.auth_backends
    provider = visit.text("provider")
    if provider not in backends:
        raise Invalid("Choose where people sign in.", field="provider")
    name = visit.text("name").strip() or backends[provider].title
    new = visit.read(NewAuthenticationSource, name=name, provider=provider)
    with visit.change() as services:
        number = services.authentication_sources.draft(new.name, new.provider).id
    return visit.go("auth-source-edit", auth=number)


def show(visit: Visit, services: Services) -> Shown:
    """One: what it is set up to do, who came, who was refused and why."""
    source = find(visit, services)
    backend = services.context.plugins.auth_backends.get(source.provider)
    refused = (
        select(AuditEvent)
        .where(AuditEvent.action == "sign-in.refused", AuditEvent.target == source.name)
        .order_by(AuditEvent.id.desc())
        .limit(SHOWN_REFUSALS)
    )
    return {
        "source": source,
        "backend": backend,
        "callback": callback_url(visit.base_url, source.id),
        "steps": steps(backend, callback_url(visit.base_url, source.id)),
        "rules": [rule_text(rule) for rule in source.rules],
        "people": services.authentication_sources.people(source),
        "refused": services.session.scalars(refused).all(),
        "notes": (),
        "signs_out": backend is not None and signs_out(backend),
        "set_up": _is_set_up(source),
    }


def try_it(visit: Visit) -> Response:
    """Checks it; what is wrong is told as the plugin says it."""
    with visit.reading() as services:
        source = find(visit, services)
        callback, sign_out = callback_url(visit.base_url, source.id), source.single_sign_out
        make = told(lambda: services.context.backends.maker(source))
    notes = told(lambda: check(make, callback, sign_out=sign_out))
    if not notes:
        visit.say("It works, as far as it can be seen from here: sign in once to be sure.")
        return visit.go("auth-source", auth=visit.number("auth"))
    return with_notes(visit, show, "auth/show.jinja2", notes)


def show_edit(visit: Visit, services: Services) -> Shown:
    """The form, beside the steps to take at the place."""
    source = find(visit, services)
    backend = services.context.plugins.auth_backends.get(source.provider)
    set_up = _is_set_up(source)
    fields, defaults, lost = entered_before(
        backend.Config if backend else None,
        source.config,
        lambda: services.authentication_sources.secrets(source),
    )
    return {
        "source": source,
        "backend": backend,
        "set_up": set_up,
        "fields": fields,
        "lost": lost,
        "people": services.authentication_sources.people(source),
        "signs_out": backend is not None and signs_out(backend),
        "after_sign_out": visit.base_url + visit.url("login"),
        "roles": ROLES,
        "callback": callback_url(visit.base_url, source.id),
        "steps": steps(backend, callback_url(visit.base_url, source.id)),
        "form": visit.form(
            name=source.name,
            active=source.active or not set_up,
            registration=source.registration,
            default_role=source.default_role.value,
            allowed_domains=source.allowed_domains,
            trusted=source.trusted,
            single_sign_out=source.single_sign_out,
            rules=[rule_text(rule) for rule in source.rules],
            icon=source.icon,
            **defaults,
        ),
    }


def edit(visit: Visit) -> Response:
    """Changes it. Switched off, it ends its people's sessions."""
    with visit.reading() as services:
        source = find(visit, services)
        backend = services.context.plugins.auth_backends.get(source.provider)
    change = visit.read(AuthenticationSourceChange, **_entered(visit, backend))
    with visit.change() as services:
        source = find(visit, services)
        try:
            services.authentication_sources.edit(source, change)
        except NotFound as error:
            # A rule names a repository or package that is not there.
            raise Invalid(str(error), field="rules" if backend else "") from None
        except ConfigurationError as error:
            raise Invalid(str(error)) from None
    visit.say("Saved. Check it before people need it." if change.active else "Saved. It is off.")
    return visit.go("auth-source", auth=visit.number("auth"))


def show_remove(visit: Visit, services: Services) -> Shown:
    """What goes with it."""
    source = find(visit, services)
    return {
        "source": source,
        "people": services.authentication_sources.people(source),
        "stranded": services.identities.stranded(source),
    }


def remove(visit: Visit) -> Response:
    """Removes it once its name was typed."""
    with visit.change() as services:
        source = find(visit, services)
        name, stranded = source.name, services.identities.stranded(source)
        if visit.text("sure").strip() != name:
            raise Invalid(f"Type the name, {name}, to remove it.", field="sure")
        services.authentication_sources.remove(source)
    shut = f" {plural(stranded, 'user')} had no other way in." if stranded else ""
    visit.say(f"{name} is removed.{shut}")
    return visit.go("auth-sources")


def steps(backend: type[AuthBackend[Any]] | None, callback: str) -> list[Step]:
    """The steps to take at the place, the callback URL to be shown on its own."""
    found = []
    for sentence in backend.instructions if backend else ():
        before, marker, after = sentence.partition("{callback_url}")
        found.append(
            Step(before=before, after=after.replace("{callback_url}", callback))
            if marker
            else Step(before=before, after=None)
        )
    return found


def _is_set_up(source: AuthenticationSource) -> bool:
    return bool(source.config or source.secrets)


def _entered(visit: Visit, backend: type[AuthBackend[Any]] | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if backend is not None:
        values["config"] = config_values(backend.Config, visit.request.POST)
        values["clear"] = config_cleared(backend.Config, visit.request.POST)
    return {
        **values,
        "name": visit.text("name"),
        "icon": visit.text("icon"),
        "moved": visit.ticked("moved"),
        "active": visit.ticked("active"),
        "registration": visit.ticked("registration"),
        "default_role": visit.text("default_role") or Role.USER.value,
        "allowed_domains": visit.text("allowed_domains").replace(",", " ").split(),
        "trusted": visit.ticked("trusted"),
        "single_sign_out": visit.ticked("single_sign_out"),
        "rules": [line for line in visit.text("rules").splitlines() if line.strip()],
    }


def _page(name: str, path: str, template: str, **views: Any) -> Page:
    return Page(
        name=name,
        path="/admin/sign-in" + path,
        permission=Permission.ADMINISTER,
        template=f"auth/{template}.jinja2",
        section="auth-sources",
        **views,
    )


PAGES = (
    _page("auth-sources", "", "index", show=index),
    _page("auth-source-add", "/add", "add", show=show_add, submit=add, proof=True),
    _page("auth-source", "/{auth}", "show", target=find, show=show, submit=try_it),
    _page(
        "auth-source-edit",
        "/{auth}/edit",
        "form",
        target=find,
        show=show_edit,
        submit=edit,
        proof=True,
    ),
    _page(
        "auth-source-remove",
        "/{auth}/remove",
        "remove",
        target=find,
        show=show_remove,
        submit=remove,
        proof=True,
    ),
)
