"""What needs somebody: what is broken, and what soon will be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Actor
from packistry.services.overview import BrokenWebhooks, Overview
from packistry.web.words import ago, plural

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
    """What needs whoever looks, the worst first."""
    overview = Overview(services.session, actor)
    found = [
        Need(
            title=f"{source.name} cannot be read",
            said=why,
            text=f"{plural(count, 'project')} may be out of date; what is here still installs.",
            page="source",
            parts={"source": source.id},
            button="Open source",
        )
        for source, count, why in overview.unreachable()
    ]
    if actor.admin:
        found += _of_the_server(services)
        found += [_without_webhooks(broken) for broken in overview.broken_webhooks()]
    found += _expiring(overview)
    return found


def _without_webhooks(broken: BrokenWebhooks) -> Need:
    one = broken.packages == 1
    return Need(
        kind="warn",
        title=f"{plural(broken.packages, 'package')} of {broken.source.name} "
        f"{'has' if one else 'have'} a broken webhook",
        said=broken.reason,
        text="Until it is mended, changes arrive with the regular check.",
        page="package-webhook" if one else "source",
        button="Open webhook" if one else "Open source",
        parts={"package": broken.package_id} if one else {"source": broken.source.id},
    )


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
    return failures + missing + _stuck_mails(services) + _moved_tags(services)


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


def _moved_tags(services: Services) -> list[Need]:
    held = services.protection.held()
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
