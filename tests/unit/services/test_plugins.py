import itertools
import logging
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

from packistry.builtin.source import Git
from packistry.builtin.storage import Local
from packistry.plugin import ConfigError, GitPolicy, SignedIn
from packistry.services.plugins import DuplicateName, PluginFailed, PluginMissing, Plugins
from packistry.testing import FakeHost

pytestmark = pytest.mark.any_database

PROVIDER = """
from packistry.plugin import *

class Forge(SourceProvider[Config]):
    name = "forge"
    title = "Forge"
    Config = Config
    def check(self): return ()
    def projects(self, search=""): yield from ()
    def project(self, id): return Project(id=id, path=id)
    def open(self, project, workspace): raise NotFound("none")
"""
OFFERED = (
    PROVIDER
    + """
@hookimpl
def packistry_source_providers():
    return [Forge]
"""
)
LISTENER = """
from packistry.plugin import hookimpl
told = []

@hookimpl
def packistry_event(event):
    told.append(event)
"""

Install = Callable[..., str]
_numbers = itertools.count()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed distributions. Modules imported from it are forgotten afterwards."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("plugin_under_test"):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Installs a plugin as pip would; the name of its module."""

    def install(code: str, name: str = "forge", distribution: str = "packistry-forge") -> str:
        module = f"plugin_under_test_{next(_numbers)}"
        (site / f"{module}.py").write_text(code)
        info = site / f"{distribution.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {distribution}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[packistry]\n{name} = {module}\n")
        return module

    return install


@pytest.fixture
def found(site: Path) -> Callable[[], list[EntryPoint]]:
    def found() -> list[EntryPoint]:
        return [each for dist in distributions(path=[str(site)]) for each in dist.entry_points]

    return found


Found = Callable[[], list[EntryPoint]]


def test_the_builtin_plugin_is_found_like_any_other() -> None:
    plugins = Plugins.load()
    builtin = next(each for each in plugins.loaded if each.name == "builtin")
    assert builtin.distribution == "packistry"
    assert builtin.hooks == ("packistry_source_providers", "packistry_storages")
    assert plugins.source_provider("git") is Git
    assert plugins.storage("local") is Local


def test_a_plugin_is_known_by_what_it_offers(install: Install, found: Found) -> None:
    install(OFFERED)
    plugins = Plugins.load(found())
    (loaded,) = plugins.loaded
    assert (loaded.name, loaded.distribution, loaded.version) == ("forge", "packistry-forge", "1.5")
    assert loaded.source_providers == ("forge",)
    assert plugins.failures == ()
    assert plugins.source_provider("forge").title == "Forge"
    assert plugins.distribution(plugins.source_provider("forge")) == "packistry-forge"


def test_two_sets_of_plugins_share_nothing(install: Install, found: Found) -> None:
    install(OFFERED)
    assert Plugins.load(found()).source_providers.keys() == {"forge"}
    assert Plugins.load([]).source_providers == {}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise RuntimeError('line\\n\\x1b[2J')", "RuntimeError: line  [2J"),
        (LISTENER.replace("(event)", "(event, request)"), "request"),
        (LISTENER.replace("packistry_event", "packistry_evnt"), "packistry_evnt"),
        (OFFERED.replace("return [Forge]", "1 / 0"), "ZeroDivisionError"),
        (OFFERED.replace("return [Forge]", "raise SystemExit"), "SystemExit"),
        (OFFERED.replace("return [Forge]", "return None"), "returned nothing"),
        (OFFERED.replace("return [Forge]", "return 7"), "TypeError"),
        (OFFERED.replace("return [Forge]", "return [Forge, Forge]"), "two classes are named"),
        (OFFERED.replace("return [Forge]", "return [Config]"), "no subclass of SourceProvider"),
        (OFFERED.replace("return [Forge]", "return ['Forge']"), "no subclass of SourceProvider"),
        (OFFERED.replace("def check(self): return ()", ""), "does not implement check"),
        (
            OFFERED.replace("def projects(", "lists_projects = True\n    def listed("),
            "does not implement projects",
        ),
        (OFFERED.replace('"forge"', '"Forge!"'), "lower-case"),
        (OFFERED.replace('    name = "forge"\n', ""), "lower-case"),
        (OFFERED.replace('"Forge"', '" "'), "title"),
        (OFFERED.replace("Config = Config", "Config = dict"), "Config must be a subclass"),
        (
            OFFERED.replace("Config = Config", "class Config(Config): x: dict[str, str]"),
            "cannot hold",
        ),
        (
            OFFERED.replace(
                "    def check", "    def receive_webhook(self, r, s): ...\n    def check"
            ),
            "does not implement create_webhook, delete_webhook",
        ),
    ],
)
def test_a_plugin_that_does_not_load_is_reported_and_harms_nothing(
    install: Install, found: Found, code: str, words: str
) -> None:
    install(code, name="broken", distribution="packistry-broken")
    module = install(LISTENER + OFFERED, name="works", distribution="packistry-works")
    plugins = Plugins.load(found())
    (failure,) = plugins.failures
    assert (failure.plugin, failure.distribution, failure.version) == (
        "broken",
        "packistry-broken",
        "1.5",
    )
    assert words in failure.error
    assert failure.error.isprintable()
    assert [plugin.name for plugin in plugins.loaded] == ["works"]
    assert "forge" in plugins.source_providers
    plugins.emit(SignedIn(user="ada", backend="x"))
    assert len(sys.modules[module].told) == 1


def test_strict_loading_stops_at_a_plugin_that_does_not_load(
    install: Install, found: Found
) -> None:
    install("1 / 0")
    with pytest.raises(PluginFailed, match="forge: ZeroDivisionError"):
        Plugins.load(found(), strict=True)


def test_a_second_distribution_claiming_a_name_stops_the_start(
    install: Install, found: Found
) -> None:
    install(OFFERED, name="forge")
    install(OFFERED, name="other", distribution="packistry-impostor")
    with pytest.raises(DuplicateName) as caught:
        Plugins.load(found())
    assert "packistry-forge" in str(caught.value)
    assert "packistry-impostor" in str(caught.value)


def test_a_second_distribution_claiming_an_entry_point_stops_the_start(
    install: Install, found: Found
) -> None:
    install(OFFERED)
    install(LISTENER, distribution="packistry-impostor")
    with pytest.raises(DuplicateName, match="packistry-impostor"):
        Plugins.load(found())


def test_a_builtin_name_cannot_be_claimed(install: Install, found: Found) -> None:
    install(OFFERED.replace('"forge"', '"git"'))
    builtin = EntryPoint(name="builtin", value="packistry.builtin", group="packistry")
    with pytest.raises(DuplicateName, match="packistry-forge"):
        Plugins.load([*found(), builtin])


def test_a_disabled_plugin_is_not_even_imported(install: Install, found: Found) -> None:
    module = install("raise RuntimeError")
    plugins = Plugins.load(found(), disabled=["forge"])
    assert (plugins.loaded, plugins.failures) == ((), ())
    assert module not in sys.modules


def test_only_the_plugins_that_are_named_are_imported_beside_the_builtin(
    install: Install, found: Found
) -> None:
    install(OFFERED, name="forge")
    install("raise RuntimeError", name="other", distribution="packistry-other")
    builtin = EntryPoint(name="builtin", value="packistry.builtin", group="packistry")
    plugins = Plugins.load([*found(), builtin], only=["forge"])
    assert [plugin.name for plugin in plugins.loaded] == ["builtin", "forge"]
    assert plugins.failures == ()


@pytest.mark.parametrize("setting", ["PACKISTRY_PLUGINS", "PACKISTRY_DISABLED_PLUGINS"])
def test_a_name_in_a_setting_that_no_plugin_has_is_logged_with_those_there_are(
    install: Install, found: Found, caplog: pytest.LogCaptureFixture, setting: str
) -> None:
    install(OFFERED, name="forge")
    install("", name="other", distribution="packistry-other")
    named = ["forge", "other-one"]
    if setting == "PACKISTRY_PLUGINS":
        plugins = Plugins.load(found(), only=named)
    else:
        plugins = Plugins.load(found(), disabled=named)
    (unknown,) = plugins.unknown
    assert (unknown.setting, unknown.name, unknown.known) == (
        setting,
        "other-one",
        ("forge", "other"),
    )
    said = f"{setting} names 'other-one', and no plugin is called so. There are: forge, other."
    assert said in [record.getMessage() for record in caplog.records]


def test_a_plugin_that_is_asked_for_and_not_there_stops_a_strict_start(found: Found) -> None:
    with pytest.raises(PluginFailed, match="names 'forge'"):
        Plugins.load(found(), only=["forge"], strict=True)
    assert Plugins.load(found(), disabled=["forge"], strict=True).missing == ()


def test_a_name_nobody_offers_is_missing() -> None:
    plugins = Plugins.load([])
    for find in (plugins.source_provider, plugins.auth_backend, plugins.storage):
        with pytest.raises(PluginMissing, match="'forge'"):
            find("forge")
    with pytest.raises(PluginMissing):
        plugins.distribution(Git)


def test_every_listener_is_told_though_one_raises(
    install: Install, found: Found, caplog: pytest.LogCaptureFixture
) -> None:
    raising = LISTENER.replace("told.append(event)", "raise SystemExit(1)")
    first = install(LISTENER, name="a", distribution="packistry-a")
    install(raising, name="b", distribution="packistry-b")
    install(raising.replace("SystemExit(1)", "ValueError"), name="c", distribution="packistry-c")
    last = install(LISTENER, name="d", distribution="packistry-d")
    plugins = Plugins.load(found())
    event = SignedIn(user="ada", backend="x")
    with caplog.at_level(logging.ERROR):
        plugins.emit(event)
    assert sys.modules[first].told == sys.modules[last].told == [event]
    assert [record.getMessage() for record in caplog.records] == [
        "Plugin b failed at SignedIn",
        "Plugin c failed at SignedIn",
    ]


def test_a_listener_may_ignore_the_event(install: Install, found: Found) -> None:
    module = install(LISTENER.replace("(event)", "()", 1).replace("append(event)", "append(1)"))
    Plugins.load(found()).emit(SignedIn(user="ada", backend="x"))
    assert sys.modules[module].told == [1]


def test_a_git_provider_gets_the_installations_policy() -> None:
    plugins = Plugins.load()
    policy = GitPolicy(allow_http=True)
    provider = plugins.make_source("git", {}, http=FakeHost().client(), git=policy)
    assert isinstance(provider, Git)
    assert provider.git_policy is policy
    assert Git.git_policy is not policy


def test_a_configuration_that_cannot_work_makes_nothing(tmp_path: Path) -> None:
    plugins = Plugins.load()
    with pytest.raises(ConfigError):
        plugins.make_storage("local", {"path": "relative"})
    with pytest.raises(PluginMissing):
        plugins.make_storage("s3", {})
    plugins.make_storage("local", {"path": str(tmp_path)}).check()


def test_walking_every_object_reachable_from_a_provider_finds_no_other_secret() -> None:
    plugins, host = Plugins.load(), FakeHost()
    root = host.client()
    mine = plugins.make_source("git", {"password": "mine-7f3a"}, http=root, git=GitPolicy())
    plugins.make_source("git", {"password": "other-9c1e"}, http=root, git=GitPolicy())
    seen = _reachable(mine)
    assert any("mine-7f3a" in text for text in seen)
    assert not any("other-9c1e" in text for text in seen)


def _reachable(start: object) -> set[str]:
    """Every string in the attributes, items and elements below an object."""
    texts: set[str] = set()
    visited: set[int] = set()
    pending = [start]
    while pending:
        at = pending.pop()
        if id(at) in visited or isinstance(at, type):
            continue
        visited.add(id(at))
        if isinstance(at, str):
            texts.add(at)
        elif isinstance(at, dict):
            pending += [*at.keys(), *at.values()]
        elif isinstance(at, list | tuple | set | frozenset):
            pending += at
        else:
            pending += getattr(at, "__dict__", {}).values()
            slots = getattr(type(at), "__slots__", ())
            pending += [
                getattr(at, name, None) for name in ([slots] if isinstance(slots, str) else slots)
            ]
    return texts
