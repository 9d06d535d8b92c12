"""What needs somebody: what is broken, and what soon will be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Actor, Permission, permits
from packistry.services.overview import Overview
from packistry.services.troubles import Trouble, Troubles
from packistry.web.words import ago
from packistry.wording import plural

SOON = timedelta(days=7)
IN_USE = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something that needs somebody: what, why in the words of who said it, and what mends it."""

    title: str
    text: str
    said: str = ""
    kind: str = "bad"
    page: str = ""
    button: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)


def needs(services: Services, actor: Actor) -> list[Need]:
    """What needs whoever looks, the worst first: of packages, what is in their repositories."""
    found: list[Need] = []
    if permits(services.session, actor, Permission.MAINTAIN):
        found += _of_packages(services, actor)
    return found + _expiring(Overview(services.session, actor))


def _of_packages(services: Services, actor: Actor) -> list[Need]:
    troubles = Troubles(services.session, actor)
    return [
        *(_unreadable(each, actor) for each in troubles.unreachable()),
        *(_of_the_server(services) if actor.admin else ()),
        *_moved_tags(services, actor),
        *(_without_webhooks(each, actor) for each in troubles.broken_webhooks()),
        *(_nameless(each) for each in troubles.nameless()),
    ]


def _unreadable(trouble: Trouble, actor: Actor) -> Need:
    text = f"{plural(trouble.packages, 'package')} may be out of date; what is here still installs."
    if not actor.admin:
        text = f"{_named(trouble)} may be out of date; what is here still installs."
    return Need(
        title=f"{trouble.source.name} cannot be read",
        said=trouble.reason,
        text=text,
        **_at(trouble, actor, "package", "Open package"),
    )


def _without_webhooks(trouble: Trouble, actor: Actor) -> Need:
    one = trouble.packages == 1
    return Need(
        kind="warn",
        title=f"{plural(trouble.packages, 'package')} of {trouble.source.name} "
        f"{'has' if one else 'have'} a broken webhook",
        said=trouble.reason,
        text=f"Until it is mended, changes of {_named(trouble)} arrive with the regular check.",
        **_at(trouble, actor, "package-webhook", "Open webhook", alone=one),
    )


def _nameless(trouble: Trouble) -> Need:
    one = trouble.packages == 1
    return Need(
        kind="warn",
        title=f"{plural(trouble.packages, 'project')} of {trouble.source.name} gave no package",
        text=f"{_named(trouble)}: no name for a package was found. "
        f"{'Its page says' if one else 'Their pages say'} why. Mend it in the project, or remove "
        f"{'it' if one else 'them'} here.",
        page="package",
        button="Open package",
        parts={"package": trouble.some[0][0]},
    )


def _at(
    trouble: Trouble, actor: Actor, page: str, button: str, *, alone: bool = False
) -> dict[str, Any]:
    """The way to what mends it: the source, which administrators open, or the first package."""
    if actor.admin and not alone:
        source = {"source": trouble.source.id}
        return {"page": "source", "button": "Open source", "parts": source}
    return {"page": page, "button": button, "parts": {"package": trouble.some[0][0]}}


def _named(trouble: Trouble) -> str:
    names = ", ".join(name for _, name in trouble.some)
    more = trouble.packages - len(trouble.some)
    return f"{names} and {more} more" if more else names


def _of_the_server(services: Services) -> list[Need]:
    plugins = services.context.plugins
    missing = [
        Need(
            title=f"The plugin of {source.name} is missing",
            text="What was imported still installs; nothing new comes until it is installed again.",
            page="plugins",
            button="Show plugins",
        )
        for source in services.sources.all()
        if source.provider not in plugins.source_providers
    ]
    failures = [
        Need(
            title=f"The plugin {failure.plugin} was left out",
            said=failure.error,
            text="Its sources and ways to sign in do not work until it loads.",
            page="plugins",
            button="Show plugins",
        )
        for failure in plugins.failures
    ]
    return failures + missing + _stuck_mails(services)


def _stuck_mails(services: Services) -> list[Need]:
    stuck = services.mails.stuck()
    if not stuck:
        return []
    first = stuck[0]
    again = f"It is tried again {ago(first.again_at)}." if first.again_at else "It is given up."
    more = f" The same goes for {plural(len(stuck) - 1, 'other')}." if len(stuck) > 1 else ""
    return [
        Need(
            title=f"The link for {first.user.name} could not be mailed",
            said=first.failure,
            text=f"{again} You can make one and hand it over.{more}",
            page="member-link",
            parts={"user": first.user.id},
            button="Make a link",
        )
    ]


def _moved_tags(services: Services, actor: Actor) -> list[Need]:
    held = services.protection.held(by=actor)
    if not held:
        return []
    names = ", ".join(f"{tag.package} {tag.version}" for tag in held[:3])
    more = f" and {len(held) - 3} more" if len(held) > 3 else ""
    verb = "is" if len(held) == 1 else "are"
    return [
        Need(
            kind="warn",
            title=f"{plural(len(held), 'released tag')} moved and {verb} held",
            text=f"{names}{more}: the first release stays served until you accept the new one.",
            page="package",
            parts={"package": held[0].package_id},
            button="Decide",
        )
    ]


def _expiring(overview: Overview) -> list[Need]:
    present = now()
    return [
        Need(
            kind="warn",
            title=f"The token {token.name} expires {ago(token.expires_at)}",
            text=f"It was used {ago(token.last_used_at)}. What installs with it stops then.",
            page="token",
            parts={"token": token.id},
            button="Open token",
        )
        for token in overview.expiring(present + SOON, present - IN_USE, present)
        if token.expires_at is not None and token.last_used_at is not None
    ]
