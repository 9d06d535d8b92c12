import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from packistry.errors import Conflict, NotFound, PackistryError, unexpected
from packistry.git.redaction import plain, redact
from packistry.inputs import NewSource, SourceChange
from packistry.models import Package, Source
from packistry.models.base import now
from packistry.plugin import (
    Config,
    PluginError,
    SourceProvider,
    keep_secrets,
    load_config,
    secret_fields,
    split_secrets,
)
from packistry.services.context import secrets_place
from packistry.services.filters import set_lists
from packistry.services.origins import origin
from packistry.services.plugins import Plugins
from packistry.services.secrets import SecretBox
from packistry.services.webhook_secrets import (
    SOURCE_OVERLAP,
    Pair,
    seal,
    source_place,
    unseal,
)
from packistry.services.webhooks import Webhooks
from packistry.wording import plural

T = TypeVar("T")

log = logging.getLogger(__name__)


class Sources:
    """The places projects are imported from, and how we sign in there."""

    def __init__(
        self, session: Session, plugins: Plugins, secrets: SecretBox, webhooks: Webhooks
    ) -> None:
        self._session = session
        self._plugins = plugins
        self._secrets = secrets
        self._webhooks = webhooks

    def all(self) -> list[Source]:
        return list(self._session.scalars(select(Source).order_by(Source.name)))

    def find(self, name: str) -> Source | None:
        return self._session.scalars(select(Source).where(Source.name == name)).one_or_none()

    def get(self, name: str) -> Source:
        """Raises NotFound."""
        source = self.find(name)
        if source is None:
            raise NotFound(f'There is no source called "{name}".', noun="source")
        return source

    def at(self, source_id: int) -> Source:
        """The source with this number. Raises NotFound."""
        source = self._session.get(Source, source_id)
        if source is None:
            raise NotFound("There is no such source.", noun="source")
        return source

    def packages(self, source: Source) -> int:
        """How many packages are made from its projects."""
        return self.sizes([source]).get(source.id, 0)

    def sizes(self, sources: Sequence[Source]) -> dict[int, int]:
        """By source: how many packages are made from its projects; where none is, nothing."""
        query = (
            select(Package.source_id, func.count())
            .where(Package.source_id.in_([each.id for each in sources]))
            .group_by(Package.source_id)
        )
        rows = self._session.execute(query)
        return {source_id: count for source_id, count in rows if source_id is not None}

    def add(self, new: NewSource) -> Source:
        """Raises Conflict, PluginMissing, ConfigError. Contacts nobody."""
        self._free(new.name)
        provider = self._plugins.source_provider(new.provider)
        source = Source(
            name=new.name, provider=new.provider, dists=new.dists, tag_policy=new.tag_policy
        )
        source.distribution = origin(self._plugins, new.provider)
        source.keep_dists = new.keep_dists
        set_lists(source, new)
        self._session.add(source)
        # The place a secret is bound to holds the uid, which a flush fills in.
        self._session.flush()
        self._store(source, load_config(provider.Config, new.config))
        return source

    def edit(self, source: Source, change: SourceChange) -> None:
        """Raises Conflict, PluginMissing, ConfigError. Contacts nobody."""
        if change.name is not None and change.name != source.name:
            self._free(change.name)
            source.name = change.name
        if change.config or change.clear:
            config = self._plugins.source_provider(source.provider).Config
            self._store(source, load_config(config, self.proposed(source, change)))
            self._webhooks.retry_broken(source)
        if change.config or change.clear or change.accept_plugin:
            self._accept_plugin(source)
        if change.dists is not None:
            source.dists = change.dists
        if change.tag_policy is not None:
            source.tag_policy = None if change.tag_policy == "inherit" else change.tag_policy
        if change.keep_dists is not None:
            source.keep_dists = change.keep_dists
        set_lists(source, change)
        if change.forget_webhook_secret:
            source.webhook_secret = ""
        if change.webhook_secret is not None:
            self._change_webhook_secret(source, change.webhook_secret.get_secret_value())
        self._session.flush()

    def proposed(self, source: Source, change: SourceChange) -> dict[str, object]:
        """The values its configuration would have after the change, secrets in clear, to be tried.

        Raises PluginMissing, ConfigError and ConfigurationError.
        """
        config = self._plugins.source_provider(source.provider).Config
        return keep_secrets(
            config,
            {**source.config, **change.config},
            plain=source.config,
            secrets=self._kept(source, set(change.config) | change.clear),
            clear=change.clear,
        )

    def remove(self, source: Source) -> None:
        """With its projects. Raises Conflict while packages are made from them."""
        count = self.packages(source)
        if count:
            raise Conflict(
                f'The source "{source.name}" has {plural(count, "package")}. '
                "Remove what is made from it first."
            )
        self._webhooks.take_credentials(source)
        self._session.delete(source)
        self._session.flush()

    def secrets(self, source: Source) -> dict[str, str]:
        """The secret fields in clear. Raises ConfigurationError when no key of ours fits."""
        return self._secrets.open(source.secrets, secrets_place(source))

    def _accept_plugin(self, source: Source) -> None:
        self._plugins.source_provider(source.provider)
        source.distribution = origin(self._plugins, source.provider)

    def _change_webhook_secret(self, source: Source, secret: str) -> None:
        where = source_place(source)
        known = unseal(self._secrets, source.webhook_secret, where)
        pair = Pair(secret=secret)
        if known is not None and known.secret != secret:
            pair = known.followed_by(secret, until=now() + SOURCE_OVERLAP)
        source.webhook_secret = seal(self._secrets, pair, where)

    def _kept(self, source: Source, replaced: Collection[str]) -> dict[str, str]:
        """The secrets that stay; none where all are entered again, as after a key was lost."""
        hidden = secret_fields(self._plugins.source_provider(source.provider).Config)
        return {} if hidden <= set(replaced) else self.secrets(source)

    def _store(self, source: Source, config: Config) -> None:
        source.config, secrets = split_secrets(config)
        source.secrets = self._secrets.seal(secrets, secrets_place(source))
        self._session.flush()

    def _free(self, name: str) -> None:
        if self.find(name) is not None:
            raise Conflict(f'There is a source called "{name}" already.', field="name")


def checked(provider: SourceProvider[Any]) -> list[str]:
    """The notes of the provider's check as plain text without its secrets.

    Raises what the check raises.
    """
    _, secrets = split_secrets(provider.config)
    return [redact(plain(str(note)), secrets.values()) for note in provider.check() or ()]


def check(make: Callable[[], SourceProvider[Any]]) -> list[str]:
    """The notes of the check of a source, whose provider `make` gives. Outside of transactions.

    Raises PluginMissing, and a PluginError or ConfigurationError that says what to do.
    """
    return contained("check", lambda: checked(make()))


def contained(what: str, ask: Callable[[], T]) -> T:
    """What `ask` has from a provider. Of its faults, those that it cannot explain are logged.

    Raises PluginMissing, and a PluginError or ConfigurationError that says what to do.
    """
    try:
        return ask()
    except PackistryError:
        raise
    # A plugin may raise anything, and its text, which nobody has checked, may hold a secret.
    except (Exception, SystemExit) as error:
        log.exception("The %s of a source failed", what)
        raise PluginError(unexpected(error)) from error
