from typing import Any

import pytest

from packistry import plugin
from packistry.builtin.source import Git, GitConfig
from packistry.errors import ConfigurationError, Conflict, NotFound
from packistry.inputs import NewPackage, NewRepository, NewSource, SourceChange, read
from packistry.models import Dists
from packistry.plugin import ConfigError
from packistry.services.plugins import PluginMissing
from packistry.services.sources import checked
from packistry.testing import FakeHost

CANARY = "canary-9f3a"


def add(services: Any, name: Any = "git", **config: Any) -> Any:
    return services.sources.add(read(NewSource, name=name, provider="git", config=config))


def edit(services: Any, source: Any, **fields: Any) -> Any:
    services.sources.edit(source, read(SourceChange, **fields))


def test_secrets_are_stored_encrypted_and_apart(services):
    source = add(services, username="bot", password=CANARY)
    assert CANARY not in str(source.config)
    assert CANARY not in source.secrets
    assert services.sources.secrets(source) == {"password": CANARY}


def test_what_is_no_secret_is_stored_as_it_is(services):
    assert add(services, username="bot").config["username"] == "bot"


def test_a_source_without_secrets_stores_no_ciphertext(services):
    assert add(services).secrets == ""


def test_a_ciphertext_copied_to_another_source_does_not_decrypt(services):
    first = add(services, password=CANARY)
    second = add(services, name="other", password="x")
    second.secrets = first.secrets
    with pytest.raises(ConfigurationError):
        services.sources.secrets(second)


def test_a_blank_secret_keeps_what_is_stored(services):
    source = add(services, password=CANARY)
    edit(services, source, config={"username": "bot", "password": ""})
    assert services.sources.secrets(source) == {"password": CANARY}
    assert source.config["username"] == "bot"


def test_a_field_that_is_not_said_keeps_what_is_stored(services):
    source = add(services, username="bot", password=CANARY)
    edit(services, source, config={"password": "another"})
    assert source.config["username"] == "bot"
    assert services.sources.secrets(source) == {"password": "another"}


def test_a_secret_is_forgotten_when_that_is_said(services):
    source = add(services, password=CANARY)
    edit(services, source, clear={"password"})
    assert source.secrets == ""


def test_a_secret_is_not_taken_along_to_another_host(services):
    source = add(services, url="https://git.example.org", password=CANARY)
    with pytest.raises(ConfigError, match="entered again"):
        edit(services, source, config={"url": "https://evil.example.org"})


def test_a_faulty_configuration_stores_nothing(services):
    source = add(services, username="bot", password=CANARY)
    with pytest.raises(ConfigError) as caught:
        edit(services, source, config={"username": "a\nb", "password": "canary-2"})
    assert source.config["username"] == "bot"
    assert "canary" not in str(caught.value)


def test_a_field_the_provider_does_not_have_is_refused(services):
    with pytest.raises(ConfigError):
        add(services, colour="red")


def test_a_provider_nobody_offers_is_refused(services):
    with pytest.raises(PluginMissing):
        services.sources.add(read(NewSource, name="x", provider="nonsense"))


def test_a_name_is_given_once(services):
    add(services)
    with pytest.raises(Conflict):
        add(services)


def test_a_name_is_not_changed_to_one_that_is_taken(services):
    add(services)
    with pytest.raises(Conflict):
        edit(services, add(services, name="other"), name="git")


def test_a_source_nobody_made_is_not_found(services):
    with pytest.raises(NotFound):
        services.sources.get("git")


def test_renaming_keeps_the_secrets(services):
    source = add(services, password=CANARY)
    edit(services, source, name="renamed", dists="lazy")
    assert services.sources.secrets(services.sources.get("renamed")) == {"password": CANARY}
    assert source.dists is Dists.LAZY


def test_the_provider_gets_the_secrets(services, runtime):
    provider = runtime.provider(add(services, username="bot", password=CANARY))
    assert provider.config.password.get_secret_value() == CANARY


def test_a_source_whose_plugin_is_gone_can_be_renamed(services):
    source = add(services)
    source.provider = "gone"
    edit(services, source, name="renamed")
    assert source.name == "renamed"


def test_a_source_in_use_is_not_removed(services):
    source = add(services)
    repository = services.repositories.add(read(NewRepository, name="main"))
    project = plugin.Project(id="https://x.org/a.git", path="a")
    services.packages.add(repository, source, [project], NewPackage())
    with pytest.raises(Conflict, match="1 package"):
        services.sources.remove(source)


def test_a_source_not_in_use_is_removed(services):
    services.sources.remove(add(services))
    assert services.sources.all() == []


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        (["It expires soon.", 7], ["It expires soon.", "7"]),
        ([f"\x1b[2JIt is {CANARY}."], ["It is [hidden]."]),
        (None, []),
    ],
    ids=("plain", "hostile", "nothing"),
)
def test_the_notes_of_a_check_are_plain_text_without_secrets(notes, told):
    class Noting(Git):
        def check(self) -> Any:
            return notes

    config = GitConfig.model_validate({"password": CANARY})
    assert checked(Noting(config, FakeHost().client())) == told
