"""Sources whose provider is gone, or comes from another distribution than it did."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from packistry.models import Source
from packistry.services.plugins import Plugins


@dataclass(frozen=True, kw_only=True)
class Stray:
    """A source that does not have the provider it was made with.

    `before` is the distribution that offered it then, "" when that was not noted; `now` the one
    that offers it at present, "" when none does.
    """

    source: str
    provider: str
    before: str
    now: str

    def __str__(self) -> str:
        if self.now:
            return (
                f'The source "{self.source}" was set up with the provider {self.provider} of '
                f"{self.before}, and {self.now} offers it now: it gets the source's credentials."
            )
        origin = f" ({self.before} had it)" if self.before else ""
        return (
            f'The source "{self.source}" needs the provider {self.provider}, which no loaded '
            f"plugin offers{origin}. Its packages are served but not updated."
        )

    @property
    def remedy(self) -> str:
        if self.now:
            return (
                f"If that is meant, say `packistry source edit '{self.source}' --accept-plugin`, "
                f"or save the source in the web admin; if not, uninstall {self.now}."
            )
        return f"Install {self.before or f'the plugin that offers {self.provider}'}."


def origin(plugins: Plugins, provider: str) -> str:
    """The distribution that offers the provider; "" when none does."""
    known = plugins.source_providers.get(provider)
    return plugins.distribution(known) if known else ""


def stray(plugins: Plugins, source: Source) -> Stray | None:
    """What is wrong with the provider of a source; None when all is well."""
    now = origin(plugins, source.provider)
    if now and source.distribution in ("", now):
        return None
    return Stray(source=source.name, provider=source.provider, before=source.distribution, now=now)


def strays(session: Session, plugins: Plugins) -> Sequence[Stray]:
    """Of all sources, by name."""
    found = (
        stray(plugins, source) for source in session.scalars(select(Source).order_by(Source.name))
    )
    return [each for each in found if each]
