"""What a source adds by itself, and what it does not; the webhook that all of it shares."""

from typing import Any

from pyramid.response import Response
from sqlalchemy import select

from packistry.errors import Conflict, Invalid
from packistry.inputs import SourceChange
from packistry.inputs.many import AutoImporting
from packistry.models import Repository
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.webhook_secrets import new_secret
from packistry.services.webhooks import shared_address
from packistry.web import pages
from packistry.web.admin.packages import as_number
from packistry.web.admin.sources import find
from packistry.web.listing import paged
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

MAKE, FORGET = "make", "forget"


def show_auto_import(visit: Visit, services: Services) -> Shown:
    """The form with what is looked for now."""
    source = find(visit, services)
    now = services.auto_imports.of(source)
    repositories = services.session.scalars(select(Repository).order_by(Repository.name)).all()
    first = repositories[0].id if repositories else ""
    provider = services.context.plugins.source_providers.get(source.provider)
    return {
        "source": source,
        "lists_projects": provider is not None and provider.lists_projects,
        "auto_import": now,
        "repositories": repositories,
        "form": visit.form(
            patterns=now.patterns if now else ("*",),
            repository=now.repository_id if now else first,
        ),
    }


def auto_import(visit: Visit) -> Response:
    """Starts or changes it, or has new projects left alone again."""
    stop = visit.text("stop") != ""
    patterns = visit.text("patterns").split()
    if not stop and not patterns:
        raise Invalid("Say which projects: * is all of them.", field="patterns")
    said = visit.read(AutoImporting, patterns=None if stop else patterns)
    with visit.change() as services:
        source = find(visit, services)
        if stop:
            services.auto_imports.stop(source)
        else:
            repository = services.repositories.at(as_number(visit.text("repository")))
            services.auto_imports.start(source, patterns=said.patterns, repository=repository)
    visit.say("New projects are left alone." if stop else "It is looked for new projects now.")
    return visit.go("source", source=visit.number("source"))


def show_passed(visit: Visit, services: Services) -> Shown:
    """All of its projects that are left alone, with the reason."""
    source = find(visit, services)
    repositories = services.session.scalars(select(Repository)).all()
    return {
        "source": source,
        "listing": paged(visit, services.discovery.passed(source)),
        "repositories": {each.path: each for each in repositories},
    }


def show_webhook(visit: Visit, services: Services) -> Shown:
    """Where it leads, and whether there is a secret."""
    return webhook_facts(visit, services)


def webhook_facts(visit: Visit, services: Services) -> dict[str, Any]:
    """What its page needs."""
    source = find(visit, services)
    provider = services.context.plugins.source_providers.get(source.provider)
    return {
        "source": source,
        "provider": provider,
        "callback": shared_address(visit.base_url, source),
        "secret": "",
        "form": visit.form(),
    }


def change_webhook(visit: Visit) -> Response:
    """A secret of ours, which is shown this once, or of theirs, or none."""
    what = visit.text("what")
    secret = new_secret() if what == MAKE else visit.text("webhook_secret")
    if what == FORGET:
        change = SourceChange(forget_webhook_secret=True)
    else:
        change = visit.read(SourceChange, webhook_secret=secret)
    with visit.change() as services:
        source = find(visit, services)
        provider = services.context.plugins.source_providers.get(source.provider)
        if what != FORGET and not (provider and provider.supports_webhooks):
            raise Conflict("This kind of source sends no webhooks.")
        services.sources.edit(source, change)
    if what == MAKE:
        with visit.reading() as services:
            shown = {**webhook_facts(visit, services), "secret": secret}
            return pages.answer(visit, services, "sources/webhook.jinja2", shown)
    visit.say("The secret is forgotten." if what == FORGET else "The secret is saved.")
    return visit.go("source-webhook", source=visit.number("source"))


def _page(name: str, path: str, template: str, **views: object) -> Page:
    return Page(
        name=name,
        path="/admin/sources/{source}" + path,
        permission=Permission.ADMINISTER,
        template=f"sources/{template}.jinja2",
        section="sources",
        target=find,
        **views,  # type: ignore[arg-type]
    )


PAGES = (
    _page("source-new-projects", "/new-projects", "new", show=show_auto_import, submit=auto_import),
    _page("source-passed", "/passed", "passed", show=show_passed),
    _page("source-webhook", "/webhook", "webhook", show=show_webhook, submit=change_webhook),
)
