"""The system: its plugins, its settings, and what the doctor finds."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from pyramid.response import Response
from sqlalchemy import func, select

from packistry import settings as settings_module
from packistry.errors import Unavailable
from packistry.models import AuthenticationSource, Source
from packistry.plugin.config import secret_fields
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.doctor import Finding, Level, examine
from packistry.services.plugins import LoadedPlugin, Plugins
from packistry.settings import PREFIX, Settings
from packistry.web import pages
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit
from packistry.wording import plural

HIDDEN = "Set, not shown"
KINDS = {Level.OK: "ok", Level.WARNING: "warn", Level.ERROR: "bad"}
ORDER = {Level.ERROR: 0, Level.WARNING: 1, Level.OK: 2}
ORIGINS = {
    "environment": "Environment",
    "file": "Settings file",
    "start": "Set at the start",
    "default": "Default",
}

_examining = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Something that a plugin offers, and what uses it ("" for nothing)."""

    kind: str
    title: str
    name: str
    used: str


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting as it is shown; `value` is "" where there is none."""

    variable: str
    value: str
    origin: str
    meaning: str


def show_plugins(visit: Visit, services: Services) -> Shown:  # noqa: ARG001 - as pages ask for it
    """What is loaded, what it offers, and what was left out."""
    plugins = services.context.plugins
    sources = _counted(services, Source)
    backends = _counted(services, AuthenticationSource)
    chosen = services.context.settings.storage
    return {
        "failures": plugins.failures,
        "unknown": plugins.unknown,
        "plugins": [
            (plugin, _offers(plugins, plugin, sources, backends, chosen))
            for plugin in plugins.loaded
        ],
    }


def _counted(services: Services, model: Any) -> Mapping[str, int]:
    query = select(model.provider, func.count()).group_by(model.provider)
    return {row[0]: row[1] for row in services.session.execute(query)}


def _offers(
    plugins: Plugins,
    plugin: LoadedPlugin,
    sources: Mapping[str, int],
    backends: Mapping[str, int],
    storage: str,
) -> list[Offer]:
    found = [
        Offer(
            kind="Packages from",
            title=plugins.source_providers[name].title,
            name=name,
            used=plural(sources[name], "source") if name in sources else "",
        )
        for name in plugin.source_providers
    ]
    found += [
        Offer(
            kind="Sign-in at",
            title=plugins.auth_backends[name].title,
            name=name,
            used=plural(backends[name], "way", "ways") + " to sign in" if name in backends else "",
        )
        for name in plugin.auth_backends
    ]
    return found + [
        Offer(
            kind="Dists kept at",
            title=plugins.storages[name].title,
            name=name,
            used="All dists" if name == storage else "",
        )
        for name in plugin.storages
    ]


def show_settings(visit: Visit, services: Services) -> Shown:
    """What is set, and from where. Secrets are not shown."""
    return _settings(visit, services)


def examine_now(visit: Visit) -> Response:
    """What the doctor finds. It asks databases, storages and hosts, and so has no transaction."""
    findings = examined(visit)
    with visit.reading() as services:
        shown = _settings(visit, services, findings)
        return pages.answer(visit, services, "settings.jinja2", shown)


def examined(visit: Visit) -> list[Finding]:
    """What the doctor finds, one at a time. Raises Unavailable while another is at it."""
    if not _examining.acquire(blocking=False):
        raise Unavailable("Somebody is having the system examined just now. Try again shortly.")
    try:
        return list(examine(visit.runtime))
    finally:
        _examining.release()


def settings_of(services: Services) -> list[Setting]:
    """All settings, those that were changed before the others. Secrets are hidden."""
    settings = services.context.settings
    storage = services.context.plugins.storage(settings.storage)
    secret = secret_fields(storage.Config)
    rows = [
        Setting(
            variable=PREFIX + name.upper(),
            value=_value(getattr(settings, name), secret),
            origin=ORIGINS[settings_module.origin(settings, name)],
            meaning=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]
    return sorted(rows, key=lambda row: row.origin == ORIGINS["default"])


def _settings(
    visit: Visit,  # noqa: ARG001 - as pages ask for it
    services: Services,
    findings: list[Finding] | None = None,
) -> dict[str, Any]:
    rows = settings_of(services)
    ordered = sorted(findings or (), key=lambda finding: ORDER[finding.level])
    return {
        "settings": rows,
        "changed": sum(row.origin != ORIGINS["default"] for row in rows),
        "findings": None if findings is None else [(KINDS[each.level], each) for each in ordered],
        "faults": sum(each.level is not Level.OK for each in ordered),
    }


def _value(value: Any, secret: Any) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if isinstance(value, dict):
        return ", ".join(
            f"{key}: {HIDDEN.lower() if key in secret else each}" for key, each in value.items()
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    return str(value)


PAGES = (
    Page(
        name="plugins",
        path="/admin/plugins",
        permission=Permission.ADMINISTER,
        template="plugins.jinja2",
        show=show_plugins,
    ),
    Page(
        name="settings",
        path="/admin/settings",
        permission=Permission.ADMINISTER,
        template="settings.jinja2",
        show=show_settings,
        submit=examine_now,
    ),
)
