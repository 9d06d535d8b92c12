"""What a source adds by itself and what not, and the webhook all of it shares, in the API."""

from pydantic import Field

from packistry.errors import Conflict, Invalid
from packistry.inputs import SourceChange, read
from packistry.inputs.many import AutoImporting
from packistry.models import Repository
from packistry.services import Services
from packistry.services.webhook_secrets import new_secret
from packistry.services.webhooks import shared_address
from packistry.web.api.call import ApiVisit
from packistry.web.api.shapes import Body, Moment, Number, Shape
from packistry.web.api.source_shapes import SourceShape
from packistry.web.api.sources import find, shape, source_call


class AutoImportBody(Body):
    """Patterns of the paths of projects, and the repository that they go into."""

    patterns: list[str] = Field(min_length=1)
    repository: Number


class PassedShape(Shape):
    """A project that does not become a package by itself. `removed`: a person decided so."""

    project: str
    repository: str
    reason: str
    removed: bool
    looked_at: Moment


class SharedWebhookShape(Shape):
    """Where one webhook for all projects leads, and its secret, which is told this once."""

    url: str
    secret: str


def start(visit: ApiVisit) -> SourceShape:
    """It is looked through at once, and from then on as often as each project is."""
    sent = visit.body(AutoImportBody)
    said = read(AutoImporting, patterns=sent.patterns)
    with visit.change() as services:
        source = find(visit, services)
        repository = services.session.get(Repository, sent.repository)
        if repository is None:
            raise Invalid("There is no such repository.", field="repository")
        services.auto_imports.start(source, patterns=said.patterns, repository=repository)
        return shape(services, source)


def stop(visit: ApiVisit) -> None:
    """What became a package stays one."""
    with visit.change() as services:
        services.auto_imports.stop(find(visit, services))


def passed(visit: ApiVisit, services: Services) -> list[PassedShape]:
    """All of them."""
    found = services.discovery.passed(find(visit, services))
    return [PassedShape.model_validate(each) for each in found]


def new_webhook_secret(visit: ApiVisit) -> SharedWebhookShape:
    """The one before stays good for a week."""
    secret = new_secret()
    with visit.change() as services:
        source = find(visit, services)
        provider = services.context.plugins.source_providers.get(source.provider)
        if provider is None or not provider.supports_webhooks:
            raise Conflict("This kind of source sends no webhooks.")
        services.sources.edit(source, read(SourceChange, webhook_secret=secret))
        url = shared_address(services.context.settings.base_url, source)
    return SharedWebhookShape(url=url, secret=secret)


CALLS = (
    source_call(
        "source-auto-import",
        "PUT",
        "/{id}/auto-import",
        "Have new projects become packages by themselves, if they have a composer.json",
        body=AutoImportBody,
        returns=SourceShape,
        do=start,
    ),
    source_call(
        "source-auto-import-stop",
        "DELETE",
        "/{id}/auto-import",
        "Leave new projects alone again",
        do=stop,
    ),
    source_call(
        "source-passed",
        "GET",
        "/{id}/passed",
        "The projects of a source that do not become packages by themselves, and why",
        returns=list[PassedShape],
        show=passed,
    ),
    source_call(
        "source-webhook-secret",
        "POST",
        "/{id}/webhook-secret",
        "A new secret for one webhook of all projects of a source, told once",
        returns=SharedWebhookShape,
        status=201,
        do=new_webhook_secret,
    ),
)
