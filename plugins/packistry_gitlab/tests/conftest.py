import pytest

from packistry.plugin import load_config
from packistry_gitlab.config import GitLabConfig
from packistry_gitlab.source import GitLab
from plugins.packistry_gitlab.tests.host import TOKEN, URL, GitLabHost


@pytest.fixture
def host() -> GitLabHost:
    host = GitLabHost()
    host.add("acme/php/lib", 7)
    return host


@pytest.fixture
def gitlab(host: GitLabHost) -> GitLab:
    return GitLab(load_config(GitLabConfig, {"url": URL, "token": TOKEN}), host.client())
