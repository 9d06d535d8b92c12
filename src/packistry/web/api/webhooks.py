"""The webhook of a package's project, in the API, and what was delivered to it."""

from packistry.models import Delivery, DeliveryVerdict, WebhookState
from packistry.services import Services
from packistry.services.access import Permission
from packistry.web.api.call import ApiVisit
from packistry.web.api.packages import call, find
from packistry.web.api.shapes import Moment, Shape
from packistry.web.api.syncs import SyncShape, sync_shape

TAG = "Webhooks"
MOST_DELIVERIES = 100


class WebhookShape(Shape):
    """How a webhook is; `reason` is why it is not active."""

    state: WebhookState
    reason: str
    url: str
    pending: bool
    checked_at: Moment | None


class DeliveryShape(Shape):
    """What a host sent, what it means in words, and what became of it."""

    id: int
    event: str
    label: str
    changes: list[str]
    verdict: DeliveryVerdict
    reason: str
    sync_id: int | None
    received_at: Moment


def show(visit: ApiVisit, services: Services) -> WebhookShape | None:
    """How it is; null for a package without a project."""
    project = find(visit, services).project
    if project is None:
        return None
    return WebhookShape.model_validate(services.webhooks.facts(project))


def repair(visit: ApiVisit) -> WebhookShape:
    """Has it made anew, with a new secret."""
    with visit.change() as services:
        package = find(visit, services)
        webhook = services.packages.repair_webhook(package)
        services.audit.note("package.webhook-repaired", package)
        assert webhook.project is not None  # noqa: S101 - it was made for one
        return WebhookShape.model_validate(services.webhooks.facts(webhook.project))


def deliveries(visit: ApiVisit, services: Services) -> list[DeliveryShape]:
    """The latest ones."""
    project = find(visit, services).project
    if project is None:
        return []
    return [_shape(each) for each in services.deliveries.recent(project, MOST_DELIVERIES)]


def _shape(delivery: Delivery) -> DeliveryShape:
    return DeliveryShape.model_validate(delivery)


def retry(visit: ApiVisit) -> SyncShape:
    """A look at the project that it was about."""
    with visit.change() as services:
        package = find(visit, services)
        delivery = services.deliveries.get(visit.number("delivery"), of=package)
        number = services.deliveries.retry(delivery).id
        services.audit.note("package.synced", package)
    with visit.reading() as services:
        return sync_shape(services.syncs.get(number))


CALLS = (
    call(
        "webhook",
        "GET",
        "/webhook",
        "How the webhook of a package's project is",
        tag=TAG,
        permission=Permission.MAINTAIN,
        returns=WebhookShape | None,
        show=show,
    ),
    call(
        "webhook-repair",
        "POST",
        "/webhook/repair",
        "Have the webhook made anew",
        tag=TAG,
        returns=WebhookShape,
        do=repair,
    ),
    call(
        "deliveries",
        "GET",
        "/deliveries",
        "What was delivered lately",
        tag=TAG,
        permission=Permission.MAINTAIN,
        returns=list[DeliveryShape],
        show=deliveries,
    ),
    call(
        "delivery-retry",
        "POST",
        "/deliveries/{delivery}/retry",
        "Look again at what a delivery was about",
        tag=TAG,
        returns=SyncShape,
        status=201,
        do=retry,
    ),
)
