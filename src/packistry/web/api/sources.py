"""The places that packages are imported from, in the API."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import select

from packistry.composer.filters import DEFAULTS
from packistry.errors import ConfigurationError, Invalid, NotFound
from packistry.inputs import NewSource, SourceChange, read
from packistry.models import Source
from packistry.plugin import ConfigError, PluginError, SourceProvider
from packistry.plugin.errors import RateLimited, Unavailable
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.auto_imports import AutoImportFacts
from packistry.services.context import Context
from packistry.services.filters import lists_of
from packistry.services.plugins import PluginMissing
from packistry.services.sources import check, contained
from packistry.services.webhooks import shared_address
from packistry.web.api import config
from packistry.web.api.call import ApiVisit, calls_below
from packistry.web.api.source_shapes import (
    AutoImportShape,
    CheckShape,
    ProjectSearch,
    ProjectShape,
    SourceBody,
    SourceList,
    SourceName,
    SourcePatch,
    SourceShape,
)
from packistry.web.listing import mentions

TAG = "Sources"
MOST_PROJECTS = 100

Maker = Callable[[], SourceProvider[Any]]


def find(visit: ApiVisit, services: Services) -> Source:
    """The source in the path. Raises NotFound."""
    return services.sources.at(visit.number("id"))


def shape(services: Services, source: Source) -> SourceShape:
    """A source as it is answered."""
    return shapes(services, [source])[0]


def shapes(services: Services, sources: Sequence[Source]) -> list[SourceShape]:
    """Sources as they are answered, in the same order."""
    sizes = services.sources.sizes(sources)
    automatic = services.auto_imports.of_each(sources)
    return [
        _shape(services, each, sizes.get(each.id, 0), automatic.get(each.id)) for each in sources
    ]


def _shape(
    services: Services, source: Source, packages: int, auto_import: AutoImportFacts | None
) -> SourceShape:
    provider = services.context.plugins.source_providers.get(source.provider)
    facts = config.shown(provider.Config if provider else None, source.config)
    base_url = services.context.settings.base_url
    return SourceShape(
        id=source.id,
        provider=source.provider,
        name=source.name,
        url=str(facts.get("url", "")),
        metadata={name: value for name, value in facts.items() if name != "url"},
        config=facts,
        has_secrets=source.secrets != "",
        distribution=source.distribution,
        loaded=provider is not None,
        lists_projects=provider is not None and provider.lists_projects,
        dists=source.dists,
        tag_policy=source.tag_policy,
        keep_dists=source.keep_dists,
        **lists_of(source),
        has_webhook_secret=source.webhook_secret != "",
        webhook_url=shared_address(base_url, source)
        if provider and provider.supports_webhooks
        else None,
        auto_import=None if auto_import is None else AutoImportShape.model_validate(auto_import),
        packages_count=packages,
        created_at=source.created_at,
        updated_at=source.updated_at,
    )


def index(visit: ApiVisit, services: Services) -> Sequence[SourceShape | SourceName]:
    """On one page: there are few. How they are opened is for administrators to know."""
    asked = visit.narrowed(SourceList)
    column = getattr(Source, asked.sort.removeprefix("-"))
    order = column.desc() if asked.sort.startswith("-") else column
    query = select(Source).where(*mentions(asked.search, Source.name)).order_by(order, Source.id)
    sources = services.session.scalars(query).all()
    if visit.actor.admin:
        return shapes(services, sources)
    known = services.context.plugins.source_providers
    return [_name(each, known.get(each.provider)) for each in sources]


def _name(source: Source, provider: type[SourceProvider[Any]] | None) -> SourceName:
    return SourceName(
        id=source.id,
        provider=source.provider,
        name=source.name,
        loaded=provider is not None,
        lists_projects=provider is not None and provider.lists_projects,
    )


def show(visit: ApiVisit, services: Services) -> SourceShape:
    """One of them."""
    return shape(services, find(visit, services))


def add(visit: ApiVisit) -> SourceShape:
    """Makes it once its credentials were tried."""
    sent = visit.body(SourceBody)
    values = config.config_of(_provider(visit, sent.provider).Config, sent.config, _named(sent))
    new = read(
        NewSource,
        name=sent.name,
        provider=sent.provider,
        config=values,
        **_how(sent),
    )
    _try(visit, sent.provider, values)
    with visit.change() as services:
        return shape(services, services.sources.add(new))


def edit(visit: ApiVisit) -> SourceShape:
    """Changes it, once new credentials were tried."""
    sent = visit.body(SourcePatch)
    with visit.reading() as services:
        source = find(visit, services)
        provider = source.provider
        if sent.provider not in (None, provider):
            raise Invalid("Provider: it stays what it is.", field="provider")
        values: dict[str, Any] = {}
        if sent.config or _named(sent):
            known = _provider(visit, provider).Config
            values = config.config_of(known, sent.config, _named(sent))
        change = read(
            SourceChange,
            name=sent.name,
            config=values,
            clear=frozenset(sent.clear),
            webhook_secret=sent.webhook_secret,
            forget_webhook_secret=sent.forget_webhook_secret,
            **_how(sent),
        )
        proposed = _proposed(services, source, change)
    if proposed is not None:
        _try(visit, provider, proposed)
    with visit.change() as services:
        source = find(visit, services)
        services.sources.edit(source, change)
        return shape(services, source)


def _proposed(services: Services, source: Source, change: SourceChange) -> dict[str, object] | None:
    if not (change.config or change.clear):
        return None
    try:
        return services.sources.proposed(source, change)
    except ConfigurationError as error:
        raise Invalid(str(error), field="config") from None


def remove(visit: ApiVisit) -> SourceShape:
    """Removes it, which no package may be made from any more."""
    with visit.change() as services:
        source = find(visit, services)
        told = shape(services, source)
        services.sources.remove(source)
        return told


def check_it(visit: ApiVisit) -> CheckShape:
    """Tries its credentials."""
    make = _maker(visit, Context.provider_maker)
    try:
        return CheckShape(notes=check(make))
    except PluginMissing as error:
        raise Invalid(str(error), field="source") from None


def projects(visit: ApiVisit) -> list[ProjectShape]:
    """The first of its projects that were asked for."""
    search = visit.narrowed(ProjectSearch).search
    make = _maker(visit, Context.lister)
    try:
        found = contained("search", lambda: list(islice(make().projects(search), MOST_PROJECTS)))
    except (Unavailable, ConfigError):
        raise
    except (PluginMissing, PluginError) as error:
        raise Invalid(str(error), field="source") from None
    return [
        ProjectShape(
            id=each.id,
            full_name=each.path,
            name=each.path.rpartition("/")[2],
            url=each.clone_url,
            web_url=each.web_url,
            read_only=each.archived,
        )
        for each in found
    ]


def _maker(visit: ApiVisit, of: Callable[[Context, Source], Maker]) -> Maker:
    with visit.reading() as services:
        try:
            return of(services.context, find(visit, services))
        except ConfigurationError as error:
            raise Invalid(str(error), field="source") from None


def _how(sent: SourceBody | SourcePatch) -> dict[str, Any]:
    """How what is made from it is imported."""
    return {name: getattr(sent, name) for name in ("dists", "tag_policy", "keep_dists", *DEFAULTS)}


def _named(sent: SourceBody | SourcePatch) -> dict[str, Any]:
    named = {"url": sent.url, "token": sent.token, **(sent.metadata or {})}
    return {name: value for name, value in named.items() if value is not None}


def _provider(visit: ApiVisit, name: str) -> type[SourceProvider[Any]]:
    try:
        return visit.runtime.plugins.source_provider(name)
    except NotFound as error:
        raise Invalid(str(error), field="provider") from None


def _try(visit: ApiVisit, provider: str, values: dict[str, Any]) -> None:
    """Raises Invalid and ConfigError. A host that is away is no reason to refuse what was sent."""
    runtime = visit.runtime
    try:
        check(
            lambda: runtime.plugins.make_source(
                provider, values, http=runtime.http, git=runtime.git
            )
        )
    except ConfigError:
        raise
    except (RateLimited, Unavailable):
        pass
    except PluginError as error:
        raise Invalid(str(error), field="token") from None


source_call = calls_below("/sources", tag=TAG, permission=Permission.ADMINISTER)
"""Makes a call about sources."""

CALLS = (
    source_call(
        "sources",
        "GET",
        "",
        "All sources; maintainers are told what they are called",
        permission=Permission.MAINTAIN,
        query=SourceList,
        returns=list[SourceShape | SourceName],
        show=index,
    ),
    source_call(
        "source-add",
        "POST",
        "",
        "Add a source; its credentials are tried first",
        body=SourceBody,
        returns=SourceShape,
        status=201,
        do=add,
    ),
    source_call("source", "GET", "/{id}", "One source", returns=SourceShape, show=show),
    source_call(
        "source-edit",
        "PATCH",
        "/{id}",
        "Change a source",
        also=("PUT",),
        body=SourcePatch,
        returns=SourceShape,
        do=edit,
    ),
    source_call(
        "source-remove",
        "DELETE",
        "/{id}",
        "Remove a source without packages",
        returns=SourceShape,
        do=remove,
    ),
    source_call(
        "source-check",
        "POST",
        "/{id}/check",
        "Try the credentials of a source",
        returns=CheckShape,
        do=check_it,
    ),
    source_call(
        "source-projects",
        "GET",
        "/{id}/projects",
        "The projects of a source, at most a hundred of those the search finds",
        permission=Permission.MAINTAIN,
        target=find,
        query=ProjectSearch,
        returns=list[ProjectShape],
        do=projects,
    ),
)
