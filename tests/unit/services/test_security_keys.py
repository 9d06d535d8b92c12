"""Ciphertext without its key stops the start; nothing ever makes a new key in its place."""

import socket
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from packistry.errors import ConfigurationError
from packistry.inputs import NewSource
from packistry.runtime import Runtime
from packistry.services.rotation import Rotation, drop_old_keys, put_new_key_first
from packistry.services.secrets import KEY_FILE, SecretBox, load_keys, new_key
from packistry.settings import Settings
from packistry.web.server import serve


def add_source(runtime: Runtime, name: str = "git", password: str = "canary") -> None:
    with runtime.transaction() as services:
        new = NewSource(name=name, provider="git", config={"password": password})
        services.sources.add(new)


def password(runtime: Runtime, name: str = "git") -> str:
    with runtime.transaction() as services:
        return services.sources.secrets(services.sources.get(name))["password"]


@pytest.fixture
def restarted(runtime: Runtime, settings: Settings) -> Iterator[Runtime]:
    """Another process on an installation that has a secret."""
    add_source(runtime)
    again = Runtime(settings)
    yield again
    again.close()


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def test_a_lost_key_file_stops_the_start_and_is_never_silently_replaced(
    restarted: Runtime, settings: Settings
) -> None:
    path = settings.root / KEY_FILE
    key = path.read_text()
    path.unlink()
    with pytest.raises(ConfigurationError, match="Put it back"):
        serve(restarted, listen=free_address())
    with pytest.raises(ConfigurationError, match="Put it back"):
        add_source(restarted, "other")
    assert not path.exists()
    path.write_text(key)
    assert password(restarted) == "canary"


@pytest.mark.parametrize("where", ["setting", "file"])
def test_another_key_stops_the_start_and_is_told_by_its_id(
    runtime: Runtime, restarted: Runtime, settings: Settings, where: str
) -> None:
    if where == "file":
        (settings.root / KEY_FILE).write_text(new_key() + "\n")
    else:
        restarted.settings = settings.model_copy(update={"secret_key": SecretStr(new_key())})
    (lost,) = Rotation(runtime.sessions(), runtime.secrets).keys_in_use()
    with pytest.raises(ConfigurationError, match=lost):
        serve(restarted, listen=free_address())


def test_an_old_key_behind_a_new_one_stops_nothing(restarted: Runtime, settings: Settings) -> None:
    put_new_key_first(settings.root)
    restarted.check_keys()


def test_without_stored_secrets_any_key_will_do(runtime: Runtime, settings: Settings) -> None:
    (settings.root / KEY_FILE).unlink(missing_ok=True)
    again = Runtime(settings)
    again.check_keys()
    add_source(again)
    again.close()
    assert (settings.root / KEY_FILE).exists()


def test_rotation_in_mid_use_loses_no_secret(
    runtime: Runtime, restarted: Runtime, settings: Settings
) -> None:
    """Two processes as they really run, one of which rotates and drops the old key."""
    assert password(restarted) == "canary"
    put_new_key_first(settings.root)
    with runtime.transaction() as services:
        Rotation(services.session, SecretBox(load_keys("", settings.root))).reseal()
    assert password(restarted) == "canary"
    add_source(restarted, "later")
    with runtime.transaction() as services:
        in_use = Rotation(services.session, services.context.secrets).keys_in_use()
    drop_old_keys(settings.root, in_use)
    assert password(restarted, "later") == password(runtime, "later") == "canary"
    restarted.check_keys()


def test_many_who_start_at_once_share_one_key(runtime: Runtime, settings: Settings) -> None:
    (settings.root / KEY_FILE).unlink(missing_ok=True)
    found: list[list[bytes]] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_keys("", settings.root)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({tuple(keys) for keys in found}) == 1
