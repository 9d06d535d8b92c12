"""The server itself, in the API: its plugins, settings and faults, and who did what."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, JsonValue
from sqlalchemy import select

from packistry.models import AuditEvent, Via
from packistry.plugin.config import Config, form_fields
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.audit_log import Narrowed, conditions
from packistry.services.doctor import Level
from packistry.web.admin.system import examined, settings_of
from packistry.web.api.call import ApiVisit, calls_below
from packistry.web.api.paging import paged
from packistry.web.api.shapes import ListQuery, Moment, Paged, Shape, list_query

TAG, AUDIT = "System", "Audit log"

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(text: object) -> date:
    try:
        if isinstance(text, str) and _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # Such as the 30th of February.
    raise ValueError("must be a day such as 2030-12-31")


Day = Annotated[date, BeforeValidator(_day)]
AuditList = list_query("AuditList", "-id", who=str, kind=str, since=Day, until=Day)


class ConfigFieldShape(Shape):
    """A field of a plugin's configuration; what is a secret is never answered."""

    name: str
    label: str
    kind: str
    required: bool
    help: str
    choices: list[str]


class OfferShape(Shape):
    """Something that a plugin offers, and what `config` it takes."""

    name: str
    title: str
    config: list[ConfigFieldShape]


class PluginShape(Shape):
    """A plugin that works."""

    name: str
    distribution: str
    version: str
    hooks: list[str]
    source_providers: list[OfferShape]
    auth_backends: list[OfferShape]
    storages: list[OfferShape]


class FailureShape(Shape):
    """A plugin that was left out, and why."""

    plugin: str
    distribution: str
    version: str
    error: str


class PluginsShape(Shape):
    """What is installed."""

    loaded: list[PluginShape]
    failures: list[FailureShape]


class SettingShape(Shape):
    """A setting, and where it is from. Of secrets it is only said that they are set."""

    variable: str
    value: str
    origin: str
    meaning: str


class FindingShape(Shape):
    """One fact about the installation; `remedy` is "" when all is well."""

    level: Level
    title: str
    remedy: str


class AuditShape(Shape):
    """What somebody did. Of secrets it is only said that they changed."""

    id: int
    at: Moment
    via: Via
    actor: str
    user_id: int | None
    address: str
    action: str
    kind: str
    target_id: int | None
    target: str
    before: dict[str, JsonValue]
    after: dict[str, JsonValue]
    note: str


def plugins(_visit: ApiVisit, services: Services) -> PluginsShape:
    """What is loaded, what it offers, and what was left out."""
    known = services.context.plugins
    return PluginsShape(
        loaded=[
            PluginShape(
                name=each.name,
                distribution=each.distribution,
                version=each.version,
                hooks=list(each.hooks),
                source_providers=[
                    _offer(name, known.source_providers[name]) for name in each.source_providers
                ],
                auth_backends=[
                    _offer(name, known.auth_backends[name]) for name in each.auth_backends
                ],
                storages=[_offer(name, known.storages[name]) for name in each.storages],
            )
            for each in known.loaded
        ],
        failures=[FailureShape.model_validate(each) for each in known.failures],
    )


def _offer(name: str, offered: Any) -> OfferShape:
    return OfferShape(name=name, title=offered.title, config=_fields(offered.Config))


def _fields(config: type[Config]) -> list[ConfigFieldShape]:
    return [
        ConfigFieldShape(
            name=each.name,
            label=each.label,
            kind=each.kind,
            required=each.required,
            help=each.help,
            choices=list(each.choices),
        )
        for each in form_fields(config)
    ]


def settings(_visit: ApiVisit, services: Services) -> list[SettingShape]:
    """What is set, and from where."""
    return [SettingShape.model_validate(each) for each in settings_of(services)]


def doctor(visit: ApiVisit) -> list[FindingShape]:
    """What is wrong, and the remedy of each fault."""
    return [FindingShape.model_validate(each) for each in examined(visit)]


def audit(visit: ApiVisit, services: Services) -> Paged[AuditShape]:
    """The newest first."""
    asked: Any = visit.narrowed(ListQuery)
    narrowed = Narrowed(
        text=asked.search,
        who=asked.who or "",
        kind=asked.kind or "",
        since=asked.since,
        until=asked.until,
    )
    return paged(
        visit,
        services.session,
        select(AuditEvent).where(*conditions(narrowed)),
        sorts={"id": AuditEvent.id},
        unique=AuditEvent.id,
        shapes=lambda rows: [AuditShape.model_validate(row.AuditEvent) for row in rows],
    )


_call = calls_below("", tag=TAG, permission=Permission.ADMINISTER)

CALLS = (
    _call(
        "plugins",
        "GET",
        "/plugins",
        "What is installed, and the configuration that each provider takes",
        returns=PluginsShape,
        show=plugins,
    ),
    _call(
        "settings",
        "GET",
        "/settings",
        "The settings, and where each is from",
        returns=list[SettingShape],
        show=settings,
    ),
    _call(
        "doctor",
        "POST",
        "/doctor",
        "Look for faults of the installation",
        returns=list[FindingShape],
        do=doctor,
    ),
    _call(
        "audit-events",
        "GET",
        "/audit-events",
        "Who did what, the newest first",
        tag=AUDIT,
        query=AuditList,
        returns=Paged[AuditShape],
        show=audit,
    ),
)
