from typing import Any

import pytest

from packistry.plugin import load_config
from packistry_gitea.config import GiteaConfig
from packistry_gitea.provider import Gitea
from plugins.packistry_gitea.tests.host import TOKEN, GiteaHost


@pytest.fixture
def host() -> GiteaHost:
    """One that has the repository acme/lib, number 7."""
    host = GiteaHost()
    host.add("acme/lib", 7)
    return host


@pytest.fixture
def gitea(host: GiteaHost) -> Gitea:
    return provider(host)


def provider(host: GiteaHost, **config: Any) -> Gitea:
    values = {"url": host.web, "token": TOKEN, **config}
    return Gitea(load_config(GiteaConfig, values), host.client())
