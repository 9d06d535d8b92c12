"""The sources: list, choose a provider and connect one, check, edit, remove, what was delivered."""

from collections.abc import Mapping
from typing import Any

from pyramid.response import Response
from sqlalchemy import case, exists, func, select

from packistry.errors import ConfigurationError, Invalid
from packistry.inputs import NewSource, SourceChange
from packistry.models import Dists, Package, Project, Source, Webhook, WebhookState
from packistry.plugin import (
    Config,
    RateLimited,
    SourceProvider,
    Unavailable,
    load_config,
    split_secrets,
)
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.at_host import credentials_page
from packistry.services.origins import stray
from packistry.services.sources import check
from packistry.web import filters
from packistry.web.admin.configured import entered_before, told, with_notes
from packistry.web.filters import KEEP_HELP
from packistry.web.forms import (
    CONFIG,
    Form,
    config_cleared,
    config_defaults,
    config_form,
    config_values,
)
from packistry.web.listing import listing, mentions, titles
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

INHERIT = "inherit"
DELIVERIES = 20
UNREADABLE = 5
PASSED = 5
KEPT_SECONDS = 60
# Whether a package is made from the project at hand.
_IN_USE = exists().where(Package.project_id == Project.id)

Provider = type[SourceProvider[Any]]


def find(visit: Visit, services: Services) -> Source:
    """The source in the path. Raises NotFound."""
    return services.sources.at(visit.number("source"))


def index(visit: Visit, services: Services) -> Shown:
    """All of them, or those that are looked for."""
    session = services.session
    packages = _packages(visit, services)
    providers = services.context.plugins.source_providers
    kind = titles(Source.provider, providers)
    unreadable = session.execute(
        select(Project.source_id, func.count(), func.max(Project.unreachable))
        .where(Project.away, _IN_USE)
        .group_by(Project.source_id)
    ).all()
    broken = session.execute(
        select(Webhook.source_id, func.count())
        .where(Webhook.state == WebhookState.BROKEN, Webhook.project_id.is_not(None))
        .group_by(Webhook.source_id)
    ).all()
    return {
        "listing": listing(
            visit,
            session,
            select(Source).where(*mentions(visit.query("q"), Source.name, kind)),
            sorts={
                "name": func.lower(Source.name),
                "kind": func.lower(kind),
                "packages": case(packages, value=Source.id, else_=0) if packages else Source.id,
                "since": Source.created_at,
            },
            sort="name",
            unique=Source.id,
        ),
        "providers": providers,
        "packages": packages,
        "unreadable": {row[0]: (row[1], row[2]) for row in unreadable},
        "broken": {row[0]: row[1] for row in broken},
    }


def _packages(visit: Visit, services: Services) -> Mapping[int, int]:
    """How many packages each source gives, by its id."""
    # Whatever changes these numbers moves the generation on.
    key = ("packages of sources", visit.request.parts.reads.generation())
    return visit.kept.get(key, KEPT_SECONDS, lambda: services.sources.sizes(services.sources.all()))


def show_add(visit: Visit, services: Services) -> Shown:
    """Which provider; and once that is chosen, what it asks for."""
    known = services.context.plugins.source_providers
    name = visit.query("provider") or visit.text("provider")
    provider = known.get(name)
    defaults = config_defaults(provider.Config, {}) if provider else {}
    form = visit.form(
        name=provider.title if provider else "",
        dists=Dists.EAGER.value,
        keep_dists=0,
        tag_policy=INHERIT,
        **defaults,
    )
    return {
        "providers": sorted(known.values(), key=lambda each: each.title.casefold()),
        "provider": provider,
        "credentials_page": _credentials_page(provider, form),
        "source": None,
        "lost": "",
        "fields": config_form(provider.Config) if provider else [],
        "lists": filters.FIELDS,
        "keep_help": KEEP_HELP,
        "form": form,
    }


def _credentials_page(provider: Provider | None, form: Form) -> str:
    """Where to make a token at what is entered so far."""
    if provider is None:
        return ""
    names = provider.Config.model_fields
    return credentials_page(provider, {name: form.value(CONFIG + name) for name in names})


def add(visit: Visit) -> Response:
    """Makes it once its provider could sign in; one that is away is believed."""
    plugins = visit.runtime.plugins
    provider = plugins.source_providers.get(visit.text("provider"))
    if provider is None:
        raise Invalid("Choose where your packages are.", field="provider")
    values = config_values(provider.Config, visit.request.POST)
    policy = visit.text("tag_policy")
    new = visit.read(
        NewSource,
        name=visit.text("name"),
        provider=provider.name,
        config=values,
        dists=visit.text("dists") or Dists.EAGER,
        keep_dists=visit.text("keep_dists") or 0,
        tag_policy=None if policy in ("", INHERIT) else policy,
        **filters.entered(visit, blank=None),
    )
    noted = _tried(visit, provider, load_config(provider.Config, values))
    with visit.change() as services:
        number = services.sources.add(new).id
    link = visit.url("package-add", _query={"source": number}) if visit.has("package-add") else ""
    visit.say(
        f"{new.name} is connected. {noted}".strip(),
        link="Add packages from it" if link else "",
        href=link,
    )
    return visit.go("source", source=number)


def _tried(visit: Visit, provider: Provider, config: Config) -> str:
    """What the provider has to say of this configuration. Raises what keeps it from working."""
    plain, secrets = split_secrets(config)

    def make() -> SourceProvider[Any]:
        runtime = visit.runtime
        values = {**plain, **secrets}
        return runtime.plugins.make_source(
            provider.name, values, http=runtime.http, git=runtime.git
        )

    try:
        return " ".join(check(make))
    except (Unavailable, RateLimited) as error:
        return f"It could not be tried: {error}"
    except ConfigurationError as error:
        raise Invalid(str(error)) from None


def show(visit: Visit, services: Services) -> Shown:
    """One: how it is, what cannot be read of it, what was delivered."""
    source = find(visit, services)
    session = services.session
    away = Project.source_id == source.id, Project.away, _IN_USE
    unreadable = session.scalars(
        select(Project).where(*away).order_by(Project.path).limit(UNREADABLE)
    ).all()
    all_unreadable = session.scalar(select(func.count()).select_from(Project).where(*away)) or 0
    states = session.execute(
        select(Webhook.state, func.count())
        .where(
            Webhook.state.in_(list(WebhookState)),
            Webhook.source_id == source.id,
            Webhook.project_id.is_not(None),
        )
        .group_by(Webhook.state)
    )
    provider = services.context.plugins.source_providers.get(source.provider)
    return {
        "source": source,
        "provider": provider,
        "stray": stray(services.context.plugins, source),
        "auto_import": services.auto_imports.of(source),
        "passed": services.discovery.passed(source, limit=PASSED),
        "all_passed": services.discovery.count_passed(source),
        "packages": _packages(visit, services).get(source.id, 0),
        "config": _plain(provider, source),
        "unreadable": unreadable,
        "more_unreadable": all_unreadable - len(unreadable),
        "webhooks": {state.value: number for state, number in states},
        "deliveries": services.deliveries.recent(source, DELIVERIES),
        "filters": services.filters.of(source).chosen,
        "lists": filters.FIELDS,
        "notes": (),
    }


def _plain(provider: Provider | None, source: Source) -> list[tuple[str, str]]:
    """What is configured and no secret, with the labels of its fields."""
    if provider is None:
        return []
    found = []
    for each in config_form(provider.Config):
        value = source.config.get(each.field.name)
        if each.field.kind != "secret" and value not in (None, "", [], False):
            words = "Yes" if value is True else value
            text = ", ".join(map(str, words)) if isinstance(words, list) else str(words)
            found.append((each.field.label, text))
    return found


def try_it(visit: Visit) -> Response:
    """Checks it; what is wrong is told as the plugin says it."""
    with visit.reading() as services:
        source = find(visit, services)
        make = told(lambda: services.context.provider_maker(source))
    notes = told(lambda: check(make))
    if not notes:
        visit.say("It works: its credentials open what they have to.")
        return visit.go("source", source=visit.number("source"))
    return with_notes(visit, show, "sources/show.jinja2", notes)


def show_edit(visit: Visit, services: Services) -> Shown:
    """The form with what it is now."""
    source = find(visit, services)
    provider = services.context.plugins.source_providers.get(source.provider)
    fields, defaults, lost = entered_before(
        provider.Config if provider else None,
        source.config,
        lambda: services.sources.secrets(source),
    )
    form = visit.form(
        name=source.name,
        dists=source.dists.value,
        keep_dists=source.keep_dists,
        tag_policy=source.tag_policy.value if source.tag_policy else INHERIT,
        **filters.shown(source),
        **defaults,
    )
    return {
        "source": source,
        "provider": provider,
        "credentials_page": _credentials_page(provider, form),
        "fields": fields,
        "lost": lost,
        "lists": filters.FIELDS,
        "keep_help": KEEP_HELP,
        "form": form,
    }


def edit(visit: Visit) -> Response:
    """Changes it, once its provider could sign in with what is new."""
    with visit.reading() as services:
        source = find(visit, services)
        provider = services.context.plugins.source_providers.get(source.provider)
    config: dict[str, Any] = {}
    if provider is not None:
        config = {
            "config": config_values(provider.Config, visit.request.POST),
            "clear": config_cleared(provider.Config, visit.request.POST),
        }
    change = visit.read(
        SourceChange,
        name=visit.text("name"),
        dists=visit.text("dists") or None,
        keep_dists=visit.text("keep_dists") or None,
        tag_policy=visit.text("tag_policy") or None,
        **filters.entered(visit, blank=INHERIT),
        **config,
    )
    noted = _tried_change(visit, provider, change) if provider is not None else ""
    with visit.change() as services:
        try:
            services.sources.edit(find(visit, services), change)
        except ConfigurationError as error:
            raise Invalid(str(error)) from None
    visit.say(f"Saved. {noted}".strip())
    return visit.go("source", source=visit.number("source"))


def _tried_change(visit: Visit, provider: Provider, change: SourceChange) -> str:
    """As `_tried`, where there is something new to try."""
    with visit.reading() as services:
        source = find(visit, services)
        try:
            config = load_config(provider.Config, services.sources.proposed(source, change))
            same = split_secrets(config) == (source.config, services.sources.secrets(source))
        except ConfigurationError as error:
            # Its secrets are lost: then all of them have to be entered.
            if change.clear or not any(change.config.values()):
                raise Invalid(str(error)) from None
            return ""
    return "" if same else _tried(visit, provider, config)


def show_remove(visit: Visit, services: Services) -> Shown:
    """What keeps it, or what goes with it."""
    source = find(visit, services)
    return {"source": source, "packages": services.sources.packages(source)}


def remove(visit: Visit) -> Response:
    """Removes it once its name was typed."""
    with visit.change() as services:
        source = find(visit, services)
        name = source.name
        if visit.text("sure").strip() != name:
            raise Invalid(f"Type the name of the source, {name}, to remove it.", field="sure")
        services.sources.remove(source)
    visit.say(f"{name} is removed.")
    return visit.go("sources")


def _page(name: str, path: str, template: str, **views: Any) -> Page:
    return Page(
        name=name,
        path="/admin/sources" + path,
        permission=Permission.ADMINISTER,
        template=f"sources/{template}.jinja2",
        section="sources",
        **views,
    )


PAGES = (
    _page("sources", "", "index", show=index),
    _page("source-add", "/add", "form", show=show_add, submit=add),
    _page("source", "/{source}", "show", target=find, show=show, submit=try_it),
    _page("source-edit", "/{source}/edit", "form", target=find, show=show_edit, submit=edit),
    _page(
        "source-remove", "/{source}/remove", "remove", target=find, show=show_remove, submit=remove
    ),
)
