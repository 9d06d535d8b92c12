import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from packistry.errors import Conflict, Invalid, NotFound, PackistryError, unexpected
from packistry.git.redaction import plain, redact
from packistry.inputs.sign_in import AuthenticationSourceChange, NewAuthenticationSource, SignInRule
from packistry.models import (
    AuthenticationSource,
    ClaimRule,
    IdentityLink,
    Package,
    Repository,
    Role,
)
from packistry.plugin import (
    AuthBackend,
    Config,
    PluginError,
    keep_secrets,
    load_config,
    secret_fields,
    split_secrets,
)
from packistry.plugin.config import origin_changes
from packistry.services.backends import sign_in_place
from packistry.services.identities import Identities
from packistry.services.packages import Packages
from packistry.services.plugins import Plugins
from packistry.services.repositories import Repositories
from packistry.services.secrets import SecretBox

log = logging.getLogger(__name__)

ELSEWHERE = (
    "Users here ({people}) are known by what the place so far calls them, and whoever is called so "
    "at another would be taken for one of them. If the same place has moved, say so; if this is "
    "another, add it as a way to sign in of its own."
)
NO_SIGN_OUT = "It offers no sign-out: who signs out here stays signed in there."
ANYBODY = (
    "Anybody who registers would administer this server. Name the domains of those who may, or "
    "give the role by a rule, such as groups=ops: admin."
)


class AuthenticationSources:
    """The places people sign in at, and what follows from signing in there."""

    def __init__(
        self,
        session: Session,
        plugins: Plugins,
        secrets: SecretBox,
        repositories: Repositories,
        packages: Packages,
        identities: Identities,
    ) -> None:
        self._session = session
        self._plugins = plugins
        self._secrets = secrets
        self._repositories = repositories
        self._packages = packages
        self._identities = identities

    def all(self) -> list[AuthenticationSource]:
        query = select(AuthenticationSource).order_by(AuthenticationSource.name)
        return list(self._session.scalars(query))

    def offered(self) -> list[AuthenticationSource]:
        """Those that have a button on the sign-in page: active, and their plugin is there."""
        return [
            each
            for each in self.all()
            if each.active and each.provider in self._plugins.auth_backends
        ]

    def icon(self, source: AuthenticationSource) -> str:
        """The SVG of its button: its own, else its backend's. Raises NotFound without any."""
        backend = self._plugins.auth_backends.get(source.provider)
        picture = source.icon or (backend.icon if backend else "")
        if not picture:
            raise NotFound("It has no icon.")
        return picture

    def find(self, name: str) -> AuthenticationSource | None:
        query = select(AuthenticationSource).where(AuthenticationSource.name == name)
        return self._session.scalars(query).one_or_none()

    def get(self, name: str) -> AuthenticationSource:
        """Raises NotFound."""
        source = self.find(name)
        if source is None:
            raise NotFound(
                f'There is no authentication source called "{name}".', noun="auth-source"
            )
        return source

    def at(self, source_id: int) -> AuthenticationSource:
        """The source with this number. Raises NotFound."""
        source = self._session.get(AuthenticationSource, source_id)
        if source is None:
            raise NotFound("There is no such authentication source.")
        return source

    def people(self, source: AuthenticationSource) -> int:
        """How many users sign in there."""
        query = select(func.count()).where(IdentityLink.source_id == source.id)
        return self._session.scalar(query) or 0

    def add(self, new: NewAuthenticationSource) -> AuthenticationSource:
        """Raises Conflict, NotFound, PluginMissing, ConfigError. Contacts nobody."""
        self._free(new.name)
        backend = self._plugins.auth_backend(new.provider)
        source = AuthenticationSource(
            name=new.name,
            icon=new.icon,
            provider=new.provider,
            active=new.active,
            registration=new.registration,
            default_role=new.default_role,
            allowed_domains=list(new.allowed_domains),
            trusted=new.trusted,
            single_sign_out=new.single_sign_out,
        )
        self._session.add(source)
        # The place a secret is bound to holds the uid, which a flush fills in.
        self._session.flush()
        self._store(source, load_config(backend.Config, new.config))
        self._set_rules(source, new.rules)
        _check_strangers(source)
        return source

    def draft(self, name: str, provider: str) -> AuthenticationSource:
        """One that nobody can sign in at yet: its callback URL has to be known at the place first.

        Raises Conflict and PluginMissing.
        """
        self._free(name)
        source = AuthenticationSource(
            name=name, provider=self._plugins.auth_backend(provider).name, active=False
        )
        self._session.add(source)
        self._session.flush()
        return source

    def edit(self, source: AuthenticationSource, change: AuthenticationSourceChange) -> None:
        """Raises Conflict, NotFound, PluginMissing, ConfigError. Contacts nobody.

        A source that is switched off ends the sessions of its people and shuts out those who have
        no other way in, with their tokens, until it is switched on again.
        """
        if change.name is not None and change.name != source.name:
            self._free(change.name)
            source.name = change.name
        if change.config or change.clear:
            config = self._plugins.auth_backend(source.provider).Config
            values = keep_secrets(
                config,
                {**source.config, **change.config},
                plain=source.config,
                secrets=self._kept(source, set(change.config) | change.clear),
                clear=change.clear,
            )
            if not change.moved and origin_changes(config, values, source.config):
                self._check_unknown(source)
            self._store(source, load_config(config, values))
        for name in ("icon", "registration", "default_role", "trusted", "single_sign_out"):
            value = getattr(change, name)
            if value is not None:
                setattr(source, name, value)
        if change.allowed_domains is not None:
            source.allowed_domains = list(change.allowed_domains)
        if change.rules is not None:
            self._set_rules(source, change.rules)
        if change.active is not None and change.active != source.active:
            if change.active:
                self._check_complete(source)
            self._switch(source, on=change.active)
        _check_strangers(source)
        self._session.flush()

    def remove(self, source: AuthenticationSource) -> None:
        """With the links to it and what its claims gave.

        Its users stay, those without another way in shut out.
        """
        if source.active:
            self._switch(source, on=False)
        self._identities.withdraw(source)
        self._session.delete(source)
        self._session.flush()

    def secrets(self, source: AuthenticationSource) -> dict[str, str]:
        """The secret fields in clear. Raises ConfigurationError when no key of ours fits."""
        return self._secrets.open(source.secrets, sign_in_place(source))

    def _check_unknown(self, source: AuthenticationSource) -> None:
        """Raises Conflict once somebody is known by what the place calls them."""
        people = self.people(source)
        if people:
            raise Conflict(ELSEWHERE.format(people=people), field="moved")

    def _check_complete(self, source: AuthenticationSource) -> None:
        """Raises ConfigError while it does not say what its plugin has to know."""
        config = self._plugins.auth_backend(source.provider).Config
        load_config(config, {**source.config, **self.secrets(source)})

    def _switch(self, source: AuthenticationSource, *, on: bool) -> None:
        source.active = on
        self._session.flush()
        if on:
            self._identities.restore(source)
        else:
            self._identities.suspend(source)

    def _set_rules(self, source: AuthenticationSource, rules: Iterable[SignInRule]) -> None:
        source.rules = [self._rule(each) for each in rules]
        self._session.flush()

    def _rule(self, rule: SignInRule) -> ClaimRule:
        made = ClaimRule(
            claim=rule.claim,
            value=rule.value,
            role=rule.role,
            can_read=rule.read,
            can_write=rule.write,
            can_manage=rule.manage,
        )
        if rule.repository is not None:
            repository = self._repositories.get(rule.repository)
            if rule.package is None:
                made.repository = repository
            else:
                made.package = self._packages.get(rule.package, repository)
        return made

    def _kept(self, source: AuthenticationSource, replaced: Collection[str]) -> dict[str, str]:
        """The secrets that stay; none where all are entered again, as after a key was lost."""
        hidden = secret_fields(self._plugins.auth_backend(source.provider).Config)
        return {} if hidden <= set(replaced) else self.secrets(source)

    def _store(self, source: AuthenticationSource, config: Config) -> None:
        source.config, secrets = split_secrets(config)
        source.secrets = self._secrets.seal(secrets, sign_in_place(source))
        self._session.flush()

    def _free(self, name: str) -> None:
        if self.find(name) is not None:
            message = f'There is an authentication source called "{name}" already.'
            raise Conflict(message, field="name")


def _check_strangers(source: AuthenticationSource) -> None:
    if source.registration and source.default_role == Role.ADMIN and not source.allowed_domains:
        raise Invalid(ANYBODY, field="default_role")


def rule_text(rule: ClaimRule) -> str:
    """A rule as people write it, "groups=devs: read team-a"."""
    who = f"{rule.claim}={rule.value}" if rule.claim else "*"
    if rule.role is not None:
        return f"{who}: {rule.role}"
    words = [
        word
        for word, given in (
            ("read", rule.can_read),
            ("write", rule.can_write),
            ("maintain", rule.can_manage),
        )
        if given
    ]
    return f"{who}: {'+'.join(words)} {_target_text(rule.repository, rule.package)}"


def _target_text(repository: Repository | None, package: Package | None) -> str:
    if package is not None:
        return f"{package.name} in {package.repository.path or '/'}"
    return (repository.path if repository else "") or "/"


def checked(backend: AuthBackend[Any], callback_url: str, *, sign_out: bool = False) -> list[str]:
    """The notes of the backend's check as plain text without its secrets.

    With `sign_out` also whether people can be signed out there. Raises what the check raises.
    """
    _, secrets = split_secrets(backend.config)
    notes = list(backend.check(callback_url) or ())
    if sign_out and backend.end_session(callback_url, "") is None:
        notes.append(NO_SIGN_OUT)
    return [redact(plain(str(note)), secrets.values()) for note in notes]


def signs_out(backend: type[AuthBackend[Any]]) -> bool:
    """Whether the places of this backend may have people signed out, too."""
    return backend.end_session is not AuthBackend.end_session


def check(
    make: Callable[[], AuthBackend[Any]], callback_url: str, *, sign_out: bool = False
) -> list[str]:
    """The notes of the check of a source, whose backend `make` gives. Outside of transactions.

    Raises PluginMissing, and a PluginError or ConfigurationError that says what to do.
    """
    try:
        return checked(make(), callback_url, sign_out=sign_out)
    except PackistryError:
        raise
    # A plugin may raise anything, and its text, which nobody has checked, may hold a secret.
    except (Exception, SystemExit) as error:
        log.exception("The check of an authentication source failed")
        raise PluginError(unexpected(error)) from error
