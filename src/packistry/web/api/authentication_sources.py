"""The places that people sign in at, in the API."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, JsonValue, SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from packistry.errors import ConfigurationError, Invalid, NotFound
from packistry.inputs import read
from packistry.inputs.sign_in import AuthenticationSourceChange, NewAuthenticationSource
from packistry.models import AuthenticationSource, ClaimRule, Package, Repository, Role
from packistry.plugin import AuthBackend
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.authentication_sources import check, rule_text
from packistry.services.elsewhere import callback_url
from packistry.web.api import config
from packistry.web.api.call import ApiVisit, calls_below
from packistry.web.api.paging import paged
from packistry.web.api.people import Named, NamedPackage
from packistry.web.api.shapes import (
    Body,
    ListQuery,
    Moment,
    Number,
    Paged,
    Shape,
    Words,
    list_query,
)
from packistry.web.api.source_shapes import CheckShape
from packistry.web.listing import mentions

TAG = "Authentication sources"
DISCOVERY = "/.well-known/openid-configuration"

AuthenticationSourceList = list_query("AuthenticationSourceList", "name", "active")


class AuthenticationSourceShape(Shape):
    """A place to sign in at, without its secrets.

    `repositories` and `packages` are what everybody who registers may read; `rules` tells that,
    and what claims give.
    """

    id: int
    name: str
    provider: str
    icon_url: str
    callback_url: str
    client_id: str
    discovery_url: str | None
    config: dict[str, JsonValue]
    has_secrets: bool
    loaded: bool = Field(description="Whether the plugin of its provider is there")
    active: bool
    allow_registration: bool
    default_user_role: Role
    allowed_domains: list[str]
    trusted: bool
    single_sign_out: bool
    rules: list[str]
    repositories: list[Named]
    packages: list[NamedPackage]
    created_at: Moment
    updated_at: Moment


class Policy(Body):
    """What is sent about a place to sign in at, beside its name and provider."""

    config: dict[str, JsonValue] = {}
    client_id: str | None = None
    client_secret: SecretStr | None = None
    discovery_url: str | None = None
    icon: str | None = None
    icon_url: str | None = Field(
        None, description="Passed over, since nothing is loaded from elsewhere: see icon"
    )
    active: bool | None = None
    allow_registration: bool | None = None
    default_user_role: Role | None = None
    default_user_repositories: list[Number] | None = None
    default_user_packages: list[Number] | None = None
    allowed_domains: list[str] | None = None
    trusted: bool | None = None
    single_sign_out: bool | None = None
    rules: list[str] | None = Field(
        None, description='As in "groups=devs: read team-a", or "*: read acme/lib in team-a"'
    )


class AuthenticationSourceBody(Policy):
    """A place to sign in at. `config` has the fields of its provider; see the call `plugins`."""

    name: Words
    provider: str


class AuthenticationSourcePatch(Policy):
    """What changes about one; what is not sent stays. `clear` forgets secrets.

    `moved`: another address is of the same place, where everybody is who they were.
    """

    name: Words | None = None
    provider: str | None = Field(None, description="The one it has: it cannot be changed")
    clear: list[str] = []
    moved: bool = False


def find(visit: ApiVisit, services: Services) -> AuthenticationSource:
    """The one in the path. Raises NotFound."""
    return services.authentication_sources.at(visit.number("id"))


def shape(visit: ApiVisit, services: Services, source: AuthenticationSource) -> Any:
    """A place as it is answered."""
    backend = services.context.plugins.auth_backends.get(source.provider)
    facts = config.shown(backend.Config if backend else None, source.config)
    issuer = facts.get("issuer")
    everybody = [rule for rule in source.rules if not rule.claim and rule.role is None]
    return AuthenticationSourceShape(
        id=source.id,
        name=source.name,
        provider=source.provider,
        icon_url=f"{visit.base_url}/auths/{source.id}/icon",
        callback_url=callback_url(visit.base_url, source.id),
        client_id=str(facts.get("client_id", "")),
        discovery_url=f"{str(issuer).rstrip('/')}{DISCOVERY}" if issuer else None,
        config=facts,
        has_secrets=source.secrets != "",
        loaded=backend is not None,
        active=source.active,
        allow_registration=source.registration,
        default_user_role=source.default_role,
        allowed_domains=source.allowed_domains,
        trusted=source.trusted,
        single_sign_out=source.single_sign_out,
        rules=[rule_text(rule) for rule in source.rules],
        repositories=[
            Named(id=each.id, name=each.name) for rule in everybody if (each := rule.repository)
        ],
        packages=[
            NamedPackage(id=part.id, name=part.name, repository_id=part.repository_id)
            for rule in everybody
            if (part := rule.package)
        ],
        created_at=source.created_at,
        updated_at=source.updated_at,
    )


def index(visit: ApiVisit, services: Services) -> Paged[AuthenticationSourceShape]:
    """All of them."""
    asked = visit.narrowed(ListQuery)
    rules = selectinload(AuthenticationSource.rules)
    return paged(
        visit,
        services.session,
        select(AuthenticationSource)
        .where(*mentions(asked.search, AuthenticationSource.name))
        .options(rules.joinedload(ClaimRule.repository), rules.joinedload(ClaimRule.package)),
        sorts={
            "name": func.lower(AuthenticationSource.name),
            "active": AuthenticationSource.active,
        },
        unique=AuthenticationSource.id,
        shapes=lambda rows: [shape(visit, services, row.AuthenticationSource) for row in rows],
    )


def show(visit: ApiVisit, services: Services) -> Any:
    """One of them."""
    return shape(visit, services, find(visit, services))


def add(visit: ApiVisit) -> Any:
    """Makes it. Nobody is contacted: check it when its callback URL is known there."""
    sent = visit.body(AuthenticationSourceBody)
    backend = _backend(visit, sent.provider)
    with visit.change() as services:
        facts = _facts(services, sent, backend, ())
        new = read(NewAuthenticationSource, name=sent.name, provider=sent.provider, **facts)
        return shape(visit, services, _kept(lambda: services.authentication_sources.add(new)))


def edit(visit: ApiVisit) -> Any:
    """Changes it. Switched off, it ends its people's sessions."""
    sent = visit.body(AuthenticationSourcePatch)
    with visit.change() as services:
        source = find(visit, services)
        if sent.provider not in (None, source.provider):
            raise Invalid("Provider: it stays what it is.", field="provider")
        backend = None
        if sent.config or sent.client_id or sent.client_secret or sent.discovery_url:
            backend = _backend(visit, source.provider)
        facts = _facts(services, sent, backend, source.rules)
        change = read(
            AuthenticationSourceChange,
            name=sent.name,
            clear=frozenset(sent.clear),
            moved=sent.moved,
            **facts,
        )
        _kept(lambda: services.authentication_sources.edit(source, change))
        return shape(visit, services, source)


def _kept(store: Any) -> Any:
    try:
        return store()
    except NotFound as error:
        # A rule names a repository or package that is not there.
        raise Invalid(str(error), field="rules") from None
    except ConfigurationError as error:
        raise Invalid(str(error), field="config") from None


def remove(visit: ApiVisit) -> Any:
    """With the links to it and what its claims gave."""
    with visit.change() as services:
        source = find(visit, services)
        told = shape(visit, services, source)
        services.authentication_sources.remove(source)
        return told


def check_it(visit: ApiVisit) -> CheckShape:
    """Tries it as far as it can be seen from here."""
    with visit.reading() as services:
        source = find(visit, services)
        callback, sign_out = callback_url(visit.base_url, source.id), source.single_sign_out
        try:
            make = services.context.backends.maker(source)
        except ConfigurationError as error:
            raise Invalid(str(error), field="source") from None
    try:
        return CheckShape(notes=check(make, callback, sign_out=sign_out))
    except (NotFound, ConfigurationError) as error:
        raise Invalid(str(error), field="source") from None


def _backend(visit: ApiVisit, name: str) -> type[AuthBackend[Any]]:
    try:
        return visit.runtime.plugins.auth_backend(name)
    except NotFound as error:
        raise Invalid(str(error), field="provider") from None


def _facts(
    services: Services,
    sent: Policy,
    backend: type[AuthBackend[Any]] | None,
    rules: Sequence[ClaimRule],
) -> dict[str, Any]:
    """What was sent, in the words of our inputs. Raises Invalid."""
    found: dict[str, Any] = {
        "icon": sent.icon,
        "active": sent.active,
        "registration": sent.allow_registration,
        "default_role": sent.default_user_role,
        "allowed_domains": sent.allowed_domains,
        "trusted": sent.trusted,
        "single_sign_out": sent.single_sign_out,
        "rules": _rules(services, sent, rules),
    }
    if backend is not None:
        found["config"] = config.config_of(backend.Config, sent.config, _named(sent))
    return {name: value for name, value in found.items() if value is not None}


def _named(sent: Policy) -> dict[str, Any]:
    issuer = sent.discovery_url and sent.discovery_url.removesuffix(DISCOVERY)
    return {
        "client_id": sent.client_id,
        "client_secret": sent.client_secret,
        "issuer": issuer or None,
    }


def _rules(services: Services, sent: Policy, rules: Sequence[ClaimRule]) -> list[str] | None:
    """The rules that shall be there; None where nothing was said of them."""
    repositories, packages = sent.default_user_repositories, sent.default_user_packages
    if sent.rules is None and repositories is None and packages is None:
        return None
    written = sent.rules
    if written is None:
        gone = {
            rule.id
            for rule in rules
            if not rule.claim
            and (
                (rule.repository_id is not None and repositories is not None)
                or (rule.package_id is not None and packages is not None)
            )
        }
        written = [rule_text(rule) for rule in rules if rule.id not in gone]
    return [
        *written,
        *(f"*: read {_path(services, number)}" for number in repositories or ()),
        *(f"*: read {_package(services, number)}" for number in packages or ()),
    ]


def _path(services: Services, number: int) -> str:
    found = services.session.get(Repository, number)
    if found is None:
        raise Invalid("There is no such repository.", field="default_user_repositories")
    return found.path or "/"


def _package(services: Services, number: int) -> str:
    found = services.session.get(Package, number)
    if found is None or found.name is None:
        raise Invalid("There is no such package.", field="default_user_packages")
    return f"{found.name} in {found.repository.path or '/'}"


_call = calls_below("/authentication-sources", tag=TAG, permission=Permission.ADMINISTER)

CALLS = (
    _call(
        "authentication-sources",
        "GET",
        "",
        "All places to sign in at",
        query=AuthenticationSourceList,
        returns=Paged[AuthenticationSourceShape],
        show=index,
    ),
    _call(
        "authentication-source-add",
        "POST",
        "",
        "Add a place to sign in at",
        body=AuthenticationSourceBody,
        returns=AuthenticationSourceShape,
        status=201,
        do=add,
        proof=True,
    ),
    _call(
        "authentication-source",
        "GET",
        "/{id}",
        "One place to sign in at",
        returns=AuthenticationSourceShape,
        show=show,
    ),
    _call(
        "authentication-source-edit",
        "PATCH",
        "/{id}",
        "Change a place to sign in at",
        also=("PUT",),
        body=AuthenticationSourcePatch,
        returns=AuthenticationSourceShape,
        do=edit,
        proof=True,
    ),
    _call(
        "authentication-source-remove",
        "DELETE",
        "/{id}",
        "Remove a place to sign in at",
        returns=AuthenticationSourceShape,
        do=remove,
        proof=True,
    ),
    _call(
        "authentication-source-check",
        "POST",
        "/{id}/check",
        "Try a place to sign in at, as far as it can be seen from here",
        returns=CheckShape,
        do=check_it,
    ),
)
