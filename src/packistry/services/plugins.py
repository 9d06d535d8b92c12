"""Finds plugins, one by one, and gives their classes by name."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy

from packistry.errors import ConfigurationError, Conflict, NotFound, PackistryError
from packistry.plugin import (
    AuthBackend,
    Event,
    GitPolicy,
    GitSourceProvider,
    HttpClient,
    SourceProvider,
    Storage,
    hookspecs,
    load_config,
)
from packistry.services.offers import by_name

log = logging.getLogger(__name__)

T = TypeVar("T")
Kind = type[SourceProvider[Any]] | type[AuthBackend[Any]] | type[Storage[Any]]

_BUILTIN = "packistry.builtin"
_LONGEST = 500


class PluginMissing(NotFound):
    """No loaded plugin offers this name."""


class DuplicateName(ConfigurationError):
    """Two plugins offer the same name; one may be an impostor, so neither is taken."""


class PluginFailed(ConfigurationError):
    """A plugin did not load, and the settings want that to stop the start."""


class PluginFault(ConfigurationError):
    """A plugin raised, where its configuration or object was made, what no plugin should."""


@dataclass(frozen=True, kw_only=True)
class LoadedPlugin:
    """A plugin that works: where it came from, the hooks it has and the names it offers."""

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...]
    source_providers: tuple[str, ...] = ()
    auth_backends: tuple[str, ...] = ()
    storages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A plugin that was left out, and why."""

    plugin: str
    distribution: str
    version: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A name in a setting that no plugin here has, and those there are, loaded or not."""

    setting: str
    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        there = ", ".join(self.known) or "none"
        return f"{self.setting} names {self.name!r}, and no plugin is called so. There are: {there}"


@dataclass(frozen=True)
class _Offers:
    """What one plugin registers, checked."""

    source_providers: dict[str, type[SourceProvider[Any]]]
    auth_backends: dict[str, type[AuthBackend[Any]]]
    storages: dict[str, type[Storage[Any]]]


class Plugins:
    """The plugins of one Runtime. Nothing is shared with another one in the same process."""

    def __init__(self) -> None:
        self._pluggy = pluggy.PluginManager(hookspecs.PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._loaded: dict[str, LoadedPlugin] = {}
        self._failures: list[Failure] = []
        self._unknown: list[Unknown] = []
        self._source_providers: dict[str, type[SourceProvider[Any]]] = {}
        self._auth_backends: dict[str, type[AuthBackend[Any]]] = {}
        self._storages: dict[str, type[Storage[Any]]] = {}
        self._distributions: dict[type, str] = {}

    @classmethod
    def load(
        cls,
        entry_points: Iterable[EntryPoint] | None = None,
        *,
        only: Collection[str] = (),
        disabled: Collection[str] = (),
        strict: bool = False,
    ) -> "Plugins":
        """Loads each entry point of group `packistry` by itself; one that fails harms no other.

        `only` and `disabled` are entry-point names; the built-in plugin is not subject to `only`.
        Raises DuplicateName, and with `strict` PluginFailed when a plugin did not load or is named
        by `only` and not there.
        """
        plugins = cls()
        found = list(_installed() if entry_points is None else entry_points)
        plugins._look_for("PACKISTRY_PLUGINS", only, found)
        plugins._look_for("PACKISTRY_DISABLED_PLUGINS", disabled, found)
        for entry_point in sorted(found, key=lambda each: (each.value != _BUILTIN, each.name)):
            wanted = not only or entry_point.name in only or entry_point.value == _BUILTIN
            if wanted and entry_point.name not in disabled:
                plugins._load(entry_point)
        faults = [f"{each.plugin}: {each.error}" for each in plugins.failures]
        faults += [f"{each}." for each in plugins.missing]
        if strict and faults:
            raise PluginFailed("Plugins do not load:\n  " + "\n  ".join(faults))
        return plugins

    @property
    def loaded(self) -> tuple[LoadedPlugin, ...]:
        """What works, in the order it was loaded."""
        return tuple(self._loaded.values())

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What was left out, and why."""
        return tuple(self._failures)

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """The names in PACKISTRY_PLUGINS and PACKISTRY_DISABLED_PLUGINS that no plugin has."""
        return tuple(self._unknown)

    @property
    def missing(self) -> tuple[Unknown, ...]:
        """Those of them that were asked for: something that should be loaded is not."""
        return tuple(each for each in self._unknown if each.setting == "PACKISTRY_PLUGINS")

    @property
    def source_providers(self) -> Mapping[str, type[SourceProvider[Any]]]:
        """Every source provider by name."""
        return dict(self._source_providers)

    @property
    def auth_backends(self) -> Mapping[str, type[AuthBackend[Any]]]:
        """Every sign-in backend by name."""
        return dict(self._auth_backends)

    @property
    def storages(self) -> Mapping[str, type[Storage[Any]]]:
        """Every storage by name."""
        return dict(self._storages)

    def source_provider(self, name: str) -> type[SourceProvider[Any]]:
        """The class with this name. Raises PluginMissing."""
        return _find(self._source_providers, name, "source provider")

    def must_list(self, name: str) -> None:
        """Raises Conflict when the source provider with this name lists no projects.

        One that is missing may list them, once its plugin is back.
        """
        provider = self._source_providers.get(name)
        if provider is not None and not provider.lists_projects:
            raise Conflict(
                "This kind of source lists no projects: name each of them, or give its address."
            )

    def auth_backend(self, name: str) -> type[AuthBackend[Any]]:
        """The class with this name. Raises PluginMissing."""
        return _find(self._auth_backends, name, "sign-in backend")

    def storage(self, name: str) -> type[Storage[Any]]:
        """The class with this name. Raises PluginMissing."""
        return _find(self._storages, name, "storage")

    def distribution(self, kind: Kind) -> str:
        """The distribution a class of ours came from; PluginMissing for any other class."""
        if kind not in self._distributions:
            raise PluginMissing(f"{kind.__name__} is of no loaded plugin.")
        return self._distributions[kind]

    def make_source(
        self, name: str, values: Mapping[str, object], *, http: HttpClient, git: GitPolicy
    ) -> SourceProvider[Any]:
        """A configured provider. Raises PluginMissing, ConfigError and PluginFault."""
        provider_class = self.source_provider(name)
        with _contained(name):
            provider = provider_class(load_config(provider_class.Config, values), http)
        if isinstance(provider, GitSourceProvider):
            provider.git_policy = git
        return provider

    def make_backend(
        self, name: str, values: Mapping[str, object], *, http: HttpClient
    ) -> AuthBackend[Any]:
        """A configured sign-in backend. Raises PluginMissing, ConfigError and PluginFault."""
        backend_class = self.auth_backend(name)
        with _contained(name):
            return backend_class(load_config(backend_class.Config, values), http)

    def make_storage(self, name: str, values: Mapping[str, object]) -> Storage[Any]:
        """A configured storage. Raises PluginMissing, ConfigError and PluginFault."""
        storage_class = self.storage(name)
        with _contained(name):
            return storage_class(load_config(storage_class.Config, values))

    def emit(self, event: Event) -> None:
        """Tells every plugin, one at a time. What one raises is logged and harms nobody."""
        for plugin in self._loaded.values():
            try:
                self._call(plugin.name, "packistry_event", event=event)
            # A plugin may raise anything, and must not end the process that tells it.
            except (Exception, SystemExit):
                log.exception("Plugin %s failed at %s", plugin.name, type(event).__name__)

    def _look_for(
        self, setting: str, names: Collection[str], found: Collection[EntryPoint]
    ) -> None:
        known = tuple(sorted({each.name for each in found}))
        for name in names:
            if name not in known:
                self._unknown.append(Unknown(setting=setting, name=name, known=known))
                log.warning("%s.", self._unknown[-1])

    def _load(self, entry_point: EntryPoint) -> None:
        distribution, version = _origin(entry_point)
        name = entry_point.name
        if name in self._loaded:
            raise _duplicate("plugin", name, self._loaded[name].distribution, distribution)
        try:
            offers = self._register(entry_point)
        # Importing a plugin runs its code: whatever that raises is its failure, not ours.
        except (Exception, SystemExit) as error:
            log.warning("Plugin %s %s does not load", name, version, exc_info=True)
            why = _words(error)
            self._failures.append(
                Failure(plugin=name, distribution=distribution, version=version, error=why)
            )
            return
        self._loaded[name] = LoadedPlugin(
            name=name,
            distribution=distribution,
            version=version,
            hooks=self._hooks(name),
            source_providers=tuple(offers.source_providers),
            auth_backends=tuple(offers.auth_backends),
            storages=tuple(offers.storages),
        )
        self._take(name, self._source_providers, offers.source_providers)
        self._take(name, self._auth_backends, offers.auth_backends)
        self._take(name, self._storages, offers.storages)

    def _register(self, entry_point: EntryPoint) -> _Offers:
        """What the plugin offers; whatever is wrong with it, nothing of it stays registered."""
        plugin = entry_point.load()
        self._pluggy.register(plugin, name=entry_point.name)
        try:
            # A misspelt hook is found by this, after registration.
            self._pluggy.check_pending()
            return self._offers(entry_point.name)
        except BaseException:
            self._pluggy.unregister(plugin)
            raise

    def _take(self, plugin: str, ours: dict[str, type[T]], offered: dict[str, type[T]]) -> None:
        distribution = self._loaded[plugin].distribution
        for name, kind in offered.items():
            if name in ours:
                first = self._distributions[ours[name]]
                raise _duplicate("name", name, first, distribution)
            ours[name] = kind
            self._distributions[kind] = distribution

    def _offers(self, plugin: str) -> _Offers:
        def named(hook: str, contract: type[Any]) -> dict[str, Any]:
            results = self._call(plugin, hook)
            if not results and hook in self._hooks(plugin):
                raise TypeError(f"{hook} returned nothing")
            classes = [each for result in results for each in result]
            return by_name(classes, contract)

        return _Offers(
            source_providers=named("packistry_source_providers", SourceProvider),
            auth_backends=named("packistry_auth_backends", AuthBackend),
            storages=named("packistry_storages", Storage),
        )

    def _call(self, plugin: str, hook: str, **arguments: object) -> list[Any]:
        # In pluggy one raising plugin keeps the others from being called: each is called alone.
        ours = self._pluggy.get_plugin(plugin)
        others = [each for each in self._pluggy.get_plugins() if each is not ours]
        caller: Callable[..., list[Any]] = self._pluggy.subset_hook_caller(hook, others)
        return caller(**arguments)

    def _hooks(self, plugin: str) -> tuple[str, ...]:
        callers = self._pluggy.get_hookcallers(self._pluggy.get_plugin(plugin)) or []
        return tuple(sorted(caller.name for caller in callers))


@contextmanager
def _contained(name: str) -> Iterator[None]:
    """Makes a sentence of whatever the code of a plugin raises beside our own errors."""
    try:
        yield
    except PackistryError:
        raise
    # A plugin may raise anything, and its text, which nobody has checked, may hold a secret.
    except (Exception, SystemExit) as error:
        log.exception("The plugin that offers %s failed", name)
        raise PluginFault(
            f"The plugin that offers {name!r} failed ({type(error).__name__}). "
            "The server's log has the details."
        ) from error


def _installed() -> Iterable[EntryPoint]:
    return entry_points(group=hookspecs.PROJECT)


def _origin(entry_point: EntryPoint) -> tuple[str, str]:
    dist = entry_point.dist
    return (dist.name, dist.version) if dist else (entry_point.value, "")


def _words(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}".strip(": ")
    return "".join(char if char.isprintable() else " " for char in text)[:_LONGEST]


def _duplicate(what: str, name: str, first: str, second: str) -> DuplicateName:
    return DuplicateName(
        f"{first} and {second} both offer a plugin with the {what} {name!r}. "
        "Uninstall one of them, or name it in PACKISTRY_DISABLED_PLUGINS."
    )


def _find(known: Mapping[str, type[T]], name: str, what: str) -> type[T]:
    if name not in known:
        offered = ", ".join(sorted(known)) or "none"
        raise PluginMissing(f"No plugin offers the {what} {name!r}. There are: {offered}.")
    return known[name]
