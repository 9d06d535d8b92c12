from typing import Any

import pytest

from packistry.plugin import load_config
from packistry_github.config import GitHubConfig
from packistry_github.provider import GitHub
from plugins.packistry_github.tests.host import TOKEN, GitHubHost


@pytest.fixture
def host() -> GitHubHost:
    """One that has the repository acme/lib, number 7."""
    host = GitHubHost()
    host.add("acme/lib", 7)
    return host


@pytest.fixture
def github(host: GitHubHost) -> GitHub:
    return provider(host)


def provider(host: GitHubHost, **config: Any) -> GitHub:
    given = config or {"token": TOKEN}
    return GitHub(load_config(GitHubConfig, {"url": host.web, **given}), host.client())
