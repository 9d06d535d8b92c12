import pytest
from pydantic import SecretStr

from packistry_github.config import GitHubConfig
from packistry_github.provider import GitHub
from plugins.packistry_github.tests.host import TOKEN, GitHubHost


@pytest.fixture
def host() -> GitHubHost:
    host = GitHubHost()
    host.add("acme/lib", 7)
    return host


@pytest.fixture
def github(host: GitHubHost) -> GitHub:
    return GitHub(GitHubConfig(token=SecretStr(TOKEN)), host.client())
