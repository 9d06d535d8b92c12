import re
from pathlib import Path
from typing import Any

import pytest

from packistry.errors import ConfigurationError
from packistry.settings import PREFIX, Settings, load

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _only_what_a_test_sets(monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def problems(monkeypatch: Any, **variables: Any) -> Any:
    for name, value in variables.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ConfigurationError) as caught:
        load()
    return str(caught.value)


def test_every_faulty_setting_is_reported_at_once(monkeypatch):
    text = problems(monkeypatch, LISTEN="nowhere", URL="ftp://x", WORKERS="many")
    assert all(name in text for name in ("PACKISTRY_LISTEN", "PACKISTRY_URL", "PACKISTRY_WORKERS"))


def test_a_misspelt_setting_is_reported(monkeypatch):
    assert "PACKISTRY_REDIS: no such setting" in problems(monkeypatch, REDIS="redis://x")


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "WORKERS", "URL"])
def test_the_value_of_a_setting_is_never_shown(monkeypatch, name):
    text = problems(monkeypatch, **{name: "canary:canary", "LISTEN": "bad"})
    assert "canary" not in text


def test_secrets_are_hidden_in_the_settings_text():
    settings = Settings(secret_key="canary", database_url="canary", redis_url="redis://canary")
    assert "canary" not in repr(settings)


def test_an_address_without_a_port_is_refused(monkeypatch):
    assert "HOST:PORT" in problems(monkeypatch, LISTEN="127.0.0.1")


@pytest.mark.parametrize(
    ("listen", "base_url"),
    [
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("packages.local:1", "http://packages.local:1"),
    ],
)
def test_without_a_url_the_base_url_is_the_listening_address(listen, base_url):
    assert Settings(listen=listen).base_url == base_url


def test_a_url_ends_without_a_slash():
    assert Settings(url="https://packages.test/sub/").base_url == "https://packages.test/sub"


def test_lists_are_split(monkeypatch):
    monkeypatch.setenv("PACKISTRY_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
    monkeypatch.setenv("PACKISTRY_GIT_LOCAL_ROOTS", "/srv/git:/home/me")
    settings = load()
    assert settings.trusted_proxies == ("127.0.0.1", "10.0.0.0/8")
    assert settings.git_local_roots == (Path("/srv/git"), Path("/home/me"))


def test_a_file_gives_settings_and_the_environment_overrides_it(monkeypatch, tmp_path):
    file = tmp_path / "packistry.toml"
    file.write_text('listen = "127.0.0.1:1"\nworkers = 7\n')
    monkeypatch.setenv("PACKISTRY_CONFIG", str(file))
    monkeypatch.setenv("PACKISTRY_LISTEN", "127.0.0.1:2")
    settings = load()
    assert (settings.listen, settings.workers) == ("127.0.0.1:2", 7)


def test_a_file_that_is_missing_is_reported(monkeypatch, tmp_path):
    assert "not a file" in problems(monkeypatch, CONFIG=str(tmp_path / "none.toml"))


def test_a_file_that_is_no_toml_is_reported(monkeypatch, tmp_path):
    file = tmp_path / "packistry.toml"
    file.write_text("listen = \n")
    assert "is no TOML file" in problems(monkeypatch, CONFIG=str(file))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORAGE_OPTIONS", "canary"),
        ("STORAGE_OPTIONS", '["canary"]'),
        ("STORAGE_OPTIONS", '{"key": 1}'),
        ("REDIS_URL", "http://canary"),
        ("ALLOW_HOSTS", "http://canary"),
        ("ALLOW_HOSTS", "10.0.0.0/99"),
        ("DATA_DIR", ""),
    ],
)
def test_a_value_that_would_only_fail_later_is_reported_at_the_start(monkeypatch, name, value):
    text = problems(monkeypatch, **{name: value, "LISTEN": "bad"})
    assert re.search(f"PACKISTRY_{name}: (each )?must ", text)
    assert "PACKISTRY_LISTEN" in text
    assert "canary" not in text


def test_redis_decides_where_jobs_run():
    assert (Settings().jobs, Settings(redis_url="redis://x").jobs) == ("embedded", "rq")


def documented() -> Any:
    row = r"(?m)^\| `(PACKISTRY_[A-Z_]+)` \| (.*?) \| (.*?) \|$"
    rows = re.findall(row, PAGE.read_text())
    return {name: (default, meaning) for name, default, meaning in rows}


def test_the_page_has_every_setting_and_no_other():
    expected = {PREFIX + name.upper() for name in Settings.model_fields} | {"PACKISTRY_CONFIG"}
    assert set(documented()) == expected


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_page_tells_default_and_meaning(name):
    default, meaning = documented()[PREFIX + name.upper()]
    field = Settings.model_fields[name]
    assert meaning == field.description
    assert default == shown(field.get_default(call_default_factory=True))


def shown(default: Any) -> Any:
    if hasattr(default, "get_secret_value"):
        default = default.get_secret_value()
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default or default == 0 else ""
